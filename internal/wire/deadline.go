package wire

import (
	"errors"
	"os"
	"time"
)

// rateWindow is how long a body may come slower than Timeouts.DataRate. It is a
// little less than a minute so that a client which sends an octet every few
// seconds is gone within one.
const rateWindow = 50 * time.Second

// thinking is from when on a silence between two lines is taken for somebody who
// looks for a password: it does not count against Timeouts.Login.
const thinking = 10 * time.Second

// clock knows since when a connection has been waiting for what.
type clock struct {
	login  time.Time     // when phase Login began; zero after it
	silent time.Duration // how much of it was such silence
	wait   time.Time     // since when nothing was heard; zero: not waiting
	line   time.Time     // since when a line is incomplete; zero: none is
	owed   bool          // what is waited for belongs to a literal or a body, and begins no line
	body   time.Time     // when phase Data began
	window time.Time     // since when octets are counted for the least rate
	octets int64
}

// SetPhase says what is being waited for from now on. Data begins a body anew.
// Until Authenticated is called, phase Login's totals bound the other phases
// too (but on port 25, where nobody logs in).
func (c *Conn) SetPhase(p Phase) {
	if p == Idle && c.phase == Idle {
		return
	}
	now := time.Now()
	if p == Data {
		c.clock.body, c.clock.window, c.clock.octets = now, now, 0
	}
	c.phase = p
	c.clock.wait = time.Time{}
}

// deadline is when the read that begins now must have ended.
func (c *Conn) deadline(now time.Time) time.Time {
	k := &c.clock
	if k.wait.IsZero() {
		k.wait = now
	}
	var d time.Time
	switch c.phase {
	case Data:
		d = sooner(k.wait.Add(c.times.Data), k.body.Add(c.times.DataAll))
	case Idle:
		d = k.wait.Add(c.times.Idle)
	default:
		d = k.wait.Add(c.times.Commands)
		if !k.line.IsZero() {
			d = sooner(d, k.line.Add(c.times.Line))
		}
	}
	if !k.login.IsZero() {
		most := c.times.Prompt
		if c.halfSaid() {
			most = min(most, c.times.Login+k.silent)
		}
		d = sooner(d, k.login.Add(most))
	}
	return d
}

// halfSaid: the client owes the rest of a line, of a literal or of a body.
func (c *Conn) halfSaid() bool { return c.clock.owed || !c.clock.line.IsZero() }

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// beginWait arms the deadline, unless another goroutine wants something first.
// wake says whether the read may be interrupted.
func (c *Conn) beginWait(wake bool) error {
	d := c.deadline(time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.signalledLocked(wake); err != nil {
		return err
	}
	c.waiting, c.interruptible = true, wake
	c.sock.SetReadDeadline(d) // where it fails, the read says why
	return nil
}

// endWait turns what a read returned into this package's errors, and keeps the
// clock.
func (c *Conn) endWait(n int, err error) error {
	c.mu.Lock()
	c.waiting = false
	wake := c.interruptible
	c.mu.Unlock()
	if n > 0 {
		return c.heard(n)
	}
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if err := c.signalled(wake); err != nil {
			return err
		}
		return ErrTimeout
	}
	return err
}

// heard notes that n octets came.
func (c *Conn) heard(n int) error {
	k := &c.clock
	if !k.login.IsZero() && !c.halfSaid() {
		k.thought(time.Since(k.wait))
	}
	k.wait = time.Time{}
	if c.phase != Data {
		return nil
	}
	k.octets += int64(n)
	now := time.Now()
	if past := now.Sub(k.window); past >= rateWindow {
		if k.octets < c.times.DataRate*int64(past/time.Second) {
			return ErrTimeout
		}
		k.window, k.octets = now, 0
	}
	return nil
}

// thought notes how long nothing was said.
func (k *clock) thought(d time.Duration) {
	if d >= thinking {
		k.silent += d
	}
}

// lineBegun and lineDone keep the time that an incomplete line has had.
func (c *Conn) lineBegun() {
	if c.clock.line.IsZero() {
		c.clock.line = time.Now()
	}
	c.acknowledge()
}

func (c *Conn) lineDone() {
	c.clock.line = time.Time{}
	c.spoken = true
}

package wire

import (
	"time"

	"posthorn/internal/fault"
)

// slowPiece is how much goes over a slow link at a time.
const slowPiece = 10

// Fault asks whether a fault on demand goes off here (fault.Set.Hit). The
// transcript tells of it. It costs an atomic load while none is armed.
func (c *Conn) Fault(kind, command string) (fault.Fault, bool) {
	f, ok := c.cfg.Faults.Hit(c.id, c.cfg.Protocol, kind, command)
	if ok {
		c.Note(Note{Kind: "fault", Text: f.String()})
	}
	return f, ok
}

// Break cuts the connection without a word: what was gathered goes out, and no
// more.
func (c *Conn) Break() {
	c.Flush()
	c.abandon()
	c.Close()
}

// beginFaults is done where a connection begins.
func (c *Conn) beginFaults() {
	if c.cfg.Faults == nil {
		return
	}
	c.cfg.Faults.Begin(c.id, c.cfg.Protocol)
	if _, ok := c.Fault(fault.Slow, ""); ok {
		c.wmu.Lock()
		c.slow = true
		c.wmu.Unlock()
	}
}

// crawl waits as long as a slow link takes for a piece of p, and returns it.
func crawl(p []byte) []byte {
	piece := p[:min(len(p), slowPiece)]
	time.Sleep(time.Second * time.Duration(len(piece)) / fault.SlowRate)
	return piece
}

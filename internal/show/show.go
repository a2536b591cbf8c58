// Package show plays the catalogue's little scripts (explain.Show) on running
// servers: for a class, to whom a reply code is shown live, and for the tests,
// which provoke each code by the same scripts.
package show

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/explain"
	"posthorn/internal/fault"
)

const (
	// maxReplyLine and maxReply bound what is read of one reply.
	maxReplyLine = 4096
	maxReply     = 100
	// stepTime is how long a step may take.
	stepTime = 20 * time.Second
	// queueLook is how often the queue is looked at.
	queueLook = 50 * time.Millisecond
)

// Person is one of the two users; the server is named after its user.
type Person struct {
	Address, Password string
}

// Stage is where shows are played. Server names in its functions are "alice"
// and "bob".
type Stage struct {
	Alice, Bob Person
	// Dial opens a connection to a port of a server: "smtp", "submission",
	// "submissions", "pop3", "pop3s", "imap" or "imaps". It leaves TLS to Play.
	Dial func(ctx context.Context, server, port string) (net.Conn, error)
	// Arm has a fault go off once on a server; nil: there are no faults here.
	Arm func(ctx context.Context, server string, f fault.Fault) error
	// Switch takes a server down, or up again; nil: that cannot be done here.
	Switch func(ctx context.Context, server string, up bool) error
	// Queue tells what the messages in a server's queue were last answered;
	// nil: nobody can look into it here.
	Queue func(ctx context.Context, server string) ([]string, error)
	// Offers tells whether the stage has what a show needs (Show.Needs).
	Offers func(need string) bool
	// Pause is waited before each line that is sent, so that people can follow.
	Pause time.Duration
}

// ErrUnable: the stage lacks what the show needs.
var ErrUnable = errors.New("show: this stage cannot play it")

// Able reports whether the stage has all that the show needs.
func (s *Stage) Able(show *explain.Show) bool {
	if show.Needs != "" && (s.Offers == nil || !s.Offers(show.Needs)) {
		return false
	}
	for _, step := range show.Steps {
		switch step.Verb {
		case "fault":
			if s.Arm == nil {
				return false
			}
		case "down", "up":
			if s.Switch == nil {
				return false
			}
		case "queue", "drained":
			if s.Queue == nil {
				return false
			}
		}
	}
	return true
}

// Play plays a show to its end, and returns all that was said: lines of the
// client's begin with "C: ", the server's with "S: ". The error names the step
// that did not go as the script says.
func (s *Stage) Play(ctx context.Context, show *explain.Show) (said []string, err error) {
	if !s.Able(show) {
		return nil, ErrUnable
	}
	p := &play{stage: s}
	defer p.close()
	for i, step := range show.Steps {
		if err := p.step(ctx, step); err != nil {
			return p.said, fmt.Errorf("show %s: step %d (%s %s): %w", show.ID, i+1, step.Verb, step.Arg, err)
		}
	}
	if !strings.HasPrefix(p.last, show.Ends) {
		return p.said, fmt.Errorf("show %s: it ends with %q instead of %s", show.ID, p.last, show.Ends)
	}
	return p.said, nil
}

// play is a show under way.
type play struct {
	stage  *Stage
	server string
	port   string
	conn   net.Conn
	in     *bufio.Reader
	last   string // the first line of the last reply
	said   []string
	down   []string // servers to be brought back
}

func (p *play) close() {
	if p.conn != nil {
		p.conn.Close()
	}
	for _, server := range p.down {
		p.stage.Switch(context.Background(), server, true)
	}
}

func (p *play) step(ctx context.Context, step explain.Step) error {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	server, rest, _ := strings.Cut(step.Arg, " ")
	switch step.Verb {
	case "connect":
		return p.connect(ctx, server, rest)
	case "refused":
		return p.refused(ctx, server, rest)
	case "tls":
		return p.handshake(ctx)
	case "send":
		return p.send(ctx, p.stage.fill(step.Arg))
	case "again", "repeat":
		return p.again(ctx, step)
	case "expect":
		return p.expect(p.stage.fill(step.Arg))
	case "fault":
		f, err := fault.Parse(rest)
		if err != nil {
			return err
		}
		return p.stage.Arm(ctx, server, f)
	case "down":
		p.down = append(p.down, server)
		return p.stage.Switch(ctx, server, false)
	case "up":
		p.down = slices.DeleteFunc(p.down, func(s string) bool { return s == server })
		return p.stage.Switch(ctx, server, true)
	case "queue":
		return p.queue(ctx, server, rest)
	case "drained":
		return p.drained(ctx, server)
	case "arrives":
		return p.arrives(ctx, server, rest)
	}
	return fmt.Errorf("no step %q", step.Verb)
}

func (p *play) connect(ctx context.Context, server, port string) error {
	if p.conn != nil {
		p.conn.Close()
	}
	conn, err := p.stage.Dial(ctx, server, port)
	if err != nil {
		return err
	}
	p.server, p.port = server, port
	p.use(conn)
	if strings.HasSuffix(port, "s") {
		return p.handshake(ctx)
	}
	return nil
}

func (p *play) use(conn net.Conn) {
	p.conn, p.in = conn, bufio.NewReaderSize(conn, maxReplyLine)
}

// refused demands that nobody listens.
func (p *play) refused(ctx context.Context, server, port string) error {
	conn, err := p.stage.Dial(ctx, server, port)
	if err == nil {
		conn.Close()
		return errors.New("somebody listens there")
	}
	p.last = "connection refused"
	return nil
}

// handshake begins TLS. Whoever plays a show is on the stage itself: the
// certificate may be of a CA that nobody knows.
func (p *play) handshake(ctx context.Context) error {
	conn := tls.Client(p.conn, &tls.Config{InsecureSkipVerify: true})
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	p.use(conn)
	return nil
}

func (p *play) send(ctx context.Context, line string) error {
	p.pause(ctx)
	return p.say(line)
}

// pause lets people read what was said before.
func (p *play) pause(ctx context.Context) {
	select {
	case <-time.After(p.stage.Pause):
	case <-ctx.Done():
	}
}

func (p *play) say(line string) error {
	if p.conn == nil {
		return errors.New("not connected")
	}
	p.said = append(p.said, "C: "+line)
	p.conn.SetDeadline(time.Now().Add(stepTime))
	_, err := io.WriteString(p.conn, line+"\r\n")
	return err
}

// again sends a line several times: "repeat" reads a reply after each.
func (p *play) again(ctx context.Context, step explain.Step) error {
	count, line, _ := strings.Cut(step.Arg, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for i := range n {
		if i == 0 {
			p.pause(ctx)
		}
		if err := p.say(p.stage.fill(line)); err != nil {
			return err
		}
		if step.Verb == "repeat" {
			if err := p.expect(""); err != nil {
				return err
			}
		}
	}
	return nil
}

// expect reads a whole reply.
func (p *play) expect(want string) error {
	if p.conn == nil {
		return errors.New("not connected")
	}
	p.conn.SetDeadline(time.Now().Add(stepTime))
	for i := range maxReply {
		b, err := p.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("no reply: %w", err)
		}
		line := strings.TrimRight(string(b), "\r\n")
		p.said = append(p.said, "S: "+line)
		if i == 0 {
			p.last = line
		}
		if !p.more(line) {
			// The first line of an IMAP answer may be untagged: the last one counts.
			if strings.HasPrefix(p.port, "imap") {
				p.last = line
			}
			if strings.HasPrefix(p.last, want) {
				return nil
			}
			return fmt.Errorf("the answer is %q", p.last)
		}
	}
	return errors.New("the reply does not end")
}

// more reports whether the reply goes on after the line: in SMTP the code is
// followed by a hyphen (RFC 5321 §4.2.1). A POP3 reply is one line to a show; an
// IMAP answer ends with what is no untagged response, the greeting apart.
func (p *play) more(line string) bool {
	switch {
	case strings.HasPrefix(p.port, "imap"):
		return strings.HasPrefix(line, "* ") && !strings.HasPrefix(line, "* BYE") && p.last != "" && len(p.said) > 1
	case strings.HasPrefix(p.port, "pop3"):
		return false
	}
	return len(line) > 3 && line[3] == '-'
}

func (p *play) queue(ctx context.Context, server, want string) error {
	var replies []string
	for {
		var err error
		if replies, err = p.stage.Queue(ctx, server); err != nil {
			return err
		}
		for _, r := range replies {
			if strings.Contains(r, want) {
				p.last = want
				return nil
			}
		}
		select {
		case <-time.After(queueLook):
		case <-ctx.Done():
			return fmt.Errorf("the queue has only %q", replies)
		}
	}
}

// drained waits until a queue is empty.
func (p *play) drained(ctx context.Context, server string) error {
	for {
		replies, err := p.stage.Queue(ctx, server)
		if err != nil || len(replies) == 0 {
			return err
		}
		select {
		case <-time.After(queueLook):
		case <-ctx.Done():
			return fmt.Errorf("in the queue are still %q", replies)
		}
	}
}

// fill puts the two users into a line.
func (s *Stage) fill(line string) string {
	if !strings.Contains(line, "$") {
		return line
	}
	domain := func(p Person) string {
		_, d, _ := strings.Cut(p.Address, "@")
		return d
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return strings.NewReplacer( // the longer names first
		"$ALICE_PASSWORD64", b64(s.Alice.Password), "$BOB_PASSWORD64", b64(s.Bob.Password),
		"$ALICE_PASSWORD", s.Alice.Password, "$BOB_PASSWORD", s.Bob.Password,
		"$ALICE_USER64", b64(s.Alice.Address), "$BOB_USER64", b64(s.Bob.Address),
		"$ALICE_PLAIN", b64("\x00"+s.Alice.Address+"\x00"+s.Alice.Password), "$BOB_PLAIN", b64("\x00"+s.Bob.Address+"\x00"+s.Bob.Password),
		"$ALICE_DOMAIN", domain(s.Alice), "$BOB_DOMAIN", domain(s.Bob),
		"$ALICE", s.Alice.Address, "$BOB", s.Bob.Address,
	).Replace(line)
}

package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// front stands between go-smtp's Client and the session, for one transaction.
// The client writes commands and message and reads replies; the front carries
// them, and notes the true replies for whoever asks for the outcome. It exists
// because that client, by itself,
//
//   - says EHLO localhost before STARTTLS, and EHLO again after each RSET: here
//     the session has said it once, and the front answers it;
//   - waits for each reply: here MAIL, RCPT and DATA leave together where the
//     hop offers PIPELINING (RFC 2920), and the client is told "250" at once;
//   - takes extensions' keywords only in capitals, declares BODY=8BITMIME
//     whether needed or not, knows two types of ORCPT, reads replies without
//     end, and writes a message without a deadline.
type front struct {
	s *session
	// body is the BODY value to declare; empty: none.
	body string
	// extra is appended to the next MAIL or RCPT.
	extra string
	line  []byte       // the command that is being written
	in    bytes.Buffer // what the client is to read

	asked  []*reply // replies that are awaited, in order
	data   bool     // the message is being written
	last   *reply   // the last reply that was read
	mail   reply
	rcpts  []*reply
	start  reply // to DATA
	final  reply // to the final dot
	opened bool  // MAIL was accepted, and nothing has ended the transaction yet
}

func newFront(s *session, body string) *front {
	f := &front{s: s, body: body}
	f.answer(&reply{code: 220, lines: []string{s.host}})
	return f
}

// Write takes commands line by line, and the message as it comes.
func (f *front) Write(p []byte) (int, error) {
	if f.data {
		n, err := f.s.bw.Write(p)
		if err != nil && f.s.broken == nil {
			f.s.broken = err
		}
		return n, err
	}
	f.line = append(f.line, p...)
	if !bytes.HasSuffix(f.line, []byte("\r\n")) {
		return len(p), nil
	}
	line := string(f.line)
	f.line = f.line[:0]
	return len(p), f.command(line)
}

func (f *front) command(line string) error {
	line = strings.TrimSuffix(line, "\r\n")
	verb, _, _ := strings.Cut(line, " ")
	switch {
	case f.challenged(): // any text may follow
		return f.pass(line)
	case verb == "EHLO" || verb == "HELO": // the hop has heard it
		f.answer(f.ehlo())
		return nil
	case verb == "MAIL":
		return f.ask(line, &f.mail)
	case verb == "RCPT":
		r := &reply{}
		f.rcpts = append(f.rcpts, r)
		return f.ask(line, r)
	case verb == "DATA":
		return f.startData()
	case verb == "*": // the client gives up an exchange that the hop has ended
		f.answer(&reply{code: 501, lines: []string{"ended"}})
		return nil
	}
	return f.pass(line)
}

// challenged reports whether the hop has asked for more in AUTH.
func (f *front) challenged() bool { return f.last != nil && f.last.code == 334 }

// pass carries a line over and its reply back.
func (f *front) pass(line string) error {
	r, err := f.s.command(f.s.timeouts.Command, "%s", line)
	if err != nil {
		return err
	}
	f.last = r
	f.answer(r)
	return nil
}

// ask writes a command and has r filled in with the reply: now, or with
// PIPELINING when DATA is written too.
func (f *front) ask(line string, r *reply) error {
	f.s.bw.WriteString(line + f.extra + "\r\n")
	f.extra = ""
	f.asked = append(f.asked, r)
	if f.s.offers("PIPELINING") {
		f.answer(&reply{code: 250, lines: []string{"later"}})
		return nil
	}
	if err := f.collect(); err != nil {
		return err
	}
	f.answer(r)
	return nil
}

// collect reads the replies that are awaited.
func (f *front) collect() error {
	for len(f.asked) > 0 {
		r, err := f.s.read(f.s.timeouts.Command)
		if err != nil {
			return err
		}
		*f.asked[0] = *r
		f.asked = f.asked[1:]
		f.opened = f.mail.ok()
	}
	return nil
}

// startData ends the group of commands with DATA's. When the hop is ready for
// a message that no recipient is left for, it gets an empty one (RFC 2920
// §3.1), which it will refuse.
func (f *front) startData() error {
	f.s.bw.WriteString("DATA\r\n")
	if err := f.collect(); err != nil {
		return err
	}
	r, err := f.s.read(f.s.timeouts.DataStart)
	if err != nil {
		return err
	}
	f.start = *r
	switch {
	case r.code != 354:
		f.answer(r)
	case !f.mail.ok() && f.accepted() > 0: // even an empty message might be delivered
		f.s.broken = errors.New("the server refused the sender and went on")
		return f.s.broken
	case f.accepted() == 0:
		f.opened = false
		f.s.bw.WriteString(".\r\n")
		if _, err := f.s.read(f.s.timeouts.DataEnd); err != nil {
			return err
		}
		f.answer(&reply{code: 554, lines: []string{"no recipients"}})
	default:
		f.data = true
		f.answer(r)
	}
	return nil
}

// pending is how many replies are awaited.
func (f *front) pending() int { return len(f.asked) }

// rcpt is the reply to the i-th RCPT; code 0 when there is none.
func (f *front) rcpt(i int) *reply {
	if i < len(f.rcpts) {
		return f.rcpts[i]
	}
	return &reply{}
}

// accepted is how many recipients the hop has taken.
func (f *front) accepted() (n int) {
	for _, r := range f.rcpts {
		if r.ok() {
			n++
		}
	}
	return n
}

// Read gives the client what there is to read. When that is nothing, and the
// message is written, it waits for the hop's verdict.
func (f *front) Read(p []byte) (int, error) {
	if f.in.Len() == 0 {
		if !f.data {
			return 0, errors.New("relay: a read without a command")
		}
		f.data, f.opened = false, false
		r, err := f.s.read(f.s.timeouts.DataEnd)
		if err != nil {
			return 0, err
		}
		f.final = *r
		f.answer(r)
	}
	return f.in.Read(p)
}

// answer lets the client read a reply.
func (f *front) answer(r *reply) {
	for i, text := range r.lines {
		mark := '-'
		if i == len(r.lines)-1 {
			mark = ' '
		}
		fmt.Fprintf(&f.in, "%03d%c%s\r\n", r.code, mark, text)
	}
}

// ehlo is the reply to EHLO that the client sees: what the hop offers and this
// transaction uses.
func (f *front) ehlo() *reply {
	r := &reply{code: 250, lines: []string{f.s.host}}
	for keyword, params := range f.s.extensions {
		if keyword == "8BITMIME" && f.body == "" {
			continue
		}
		r.lines = append(r.lines, strings.TrimSpace(keyword+" "+params))
	}
	slices.Sort(r.lines[1:])
	return r
}

// The rest of net.Conn. The session has its own deadlines, and whoever opened
// it closes it.
func (f *front) Close() error                     { return nil }
func (f *front) LocalAddr() net.Addr              { return f.s.conn.LocalAddr() }
func (f *front) RemoteAddr() net.Addr             { return f.s.conn.RemoteAddr() }
func (f *front) SetDeadline(time.Time) error      { return nil }
func (f *front) SetReadDeadline(time.Time) error  { return nil }
func (f *front) SetWriteDeadline(time.Time) error { return nil }

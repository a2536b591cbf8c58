// Package ledger keeps outside a server what the server has told its clients,
// and compares it with what is there after a crash, or at the end of a day.
// Only tests import it.
//
// A Reader is a client of IMAP, a Drop one of POP3: each works at random and
// notes what it was told. Send notes what was answered 250. An operation whose
// answer never came is in doubt: it may be done or not, as a whole.
package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"posthorn/internal/testserver"
)

// Ledger is what all clients of one server were told.
type Ledger struct {
	// Name is in the Message-IDs: two ledgers of one server need two.
	Name string

	mu     sync.Mutex
	closed bool
	n      int
	acked  []Letter
	seen   map[string]bool // Message-IDs that were found, or whose removal was told or is in doubt
}

// ErrClosed ends the work of clients after Close.
var ErrClosed = errors.New("the ledger is closed")

// Close ends the notes: cut is called when nothing is being noted, and what is
// told from then on counts for nothing, as in a power cut.
func (l *Ledger) Close(cut func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cut()
	l.closed = true
}

// Open begins to take notes again.
func (l *Ledger) Open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = false
}

// note notes what was told.
func (l *Ledger) note(fn func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	fn()
	return nil
}

// see notes that a message is somewhere, or was taken away.
func (l *Ledger) see(id string) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[id] = true
}

// Acked is how many messages were answered 250.
func (l *Ledger) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// Missing are those of the messages answered 250 for an account (a local part)
// that nobody has seen: to be asked when all its Readers and Drops have
// verified.
func (l *Ledger) Missing(locals ...string) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.acked {
		for _, local := range locals {
			if m.To[0] == local+"@"+testserver.Domain && !l.seen[m.ID] {
				missing = append(missing, m.ID)
			}
		}
	}
	return missing
}

// Letter is a message, the same each time that it is made.
type Letter struct {
	ID   string
	Size int      // at least, in octets
	To   []string // recipients
	From string   // empty: sender@client.example
}

// Letter makes a new one.
func (l *Ledger) Letter(size int, to ...string) Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return Letter{ID: fmt.Sprintf("%d.%s@client.example", l.n, l.Name), Size: size, To: to}
}

// Data is the message: words that shrink when they are compressed, and others.
func (m *Letter) Data() []byte {
	var seed [32]byte
	sum := sha256.Sum256([]byte(m.ID))
	copy(seed[:], sum[:])
	r := rand.NewChaCha8(seed)
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: sender@client.example\r\nTo: all@%s\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s>\r\n\r\n", testserver.Domain, m.ID, m.ID)
	raw := make([]byte, 54)
	for b.Len() < m.Size {
		r.Read(raw)
		if b.Len()%3 == 0 {
			b.WriteString(strings.Repeat("words that repeat ", 4))
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw))
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// Send sends a message to one local recipient and notes the 250. Else reply is
// what was answered instead, or empty, and the message may be there.
func (l *Ledger) Send(c *testserver.Client, m Letter) (reply string, err error) {
	reply, _, err = SendTo(c, m, m.Data())
	if err == nil && strings.HasPrefix(reply, "250") {
		return reply, l.note(func() { l.acked = append(l.acked, m) })
	}
	return reply, err
}

// SendTo sends a message. reply is the answer to its end; ended says that the
// end was sent.
func SendTo(c *testserver.Client, m Letter, data []byte) (reply string, ended bool, err error) {
	var b strings.Builder
	from := m.From
	if from == "" {
		from = "sender@client.example"
	}
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", from)
	for _, to := range m.To {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", to)
	}
	b.WriteString("DATA\r\n")
	if reply, err = c.Say(b.String(), len(m.To)+2, "354"); err != nil {
		if reply != "" {
			c.Say("RSET\r\n", 1, "250")
		}
		return reply, false, err
	}
	if _, err = c.Conn.Write(data); err != nil {
		return "", false, err
	}
	reply, err = c.Say(".\r\n", 1, "")
	return reply, true, err
}

// identify takes a body's Message-ID; whole says that it is that Letter's, with
// nothing but trace fields in front. Mail of others has no ID.
func identify(body []byte) (id string, whole bool) {
	_, rest, ok := bytes.Cut(body, []byte("\r\nMessage-ID: <"))
	if !ok {
		return "", true
	}
	b, _, _ := bytes.Cut(rest, []byte(">"))
	id = string(b)
	at := bytes.Index(body, []byte("From: sender@client.example\r\nTo: all@"))
	if at < 0 {
		return id, false
	}
	m := Letter{ID: id, Size: len(body) - at}
	return id, bytes.Equal(body[at:], m.Data())
}

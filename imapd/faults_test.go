package imapd

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"posthorn/internal/daemontest"
)

// wrong is something that go-imap's imapserver, as it comes, does wrong, and
// that the front rights.
type wrong struct {
	name    string
	message string // is in INBOX
	say     string // after login and SELECT, unless early
	early   bool
	want    string // regexp, of what must be answered
	never   string // regexp, of what must not; empty: nothing
}

const plainMessage = "From: a@example.org\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\nbody\r\n"

var faults = []wrong{
	{name: "ID is not known", early: true, say: "a ID NIL\r\n", want: `(?m)^a OK`},
	{name: "a refused literal runs as commands (SELECT)", say: "a SELECT {5000+}\r\n" + strings.Repeat(evil, 500)[:4998] + "\r\n\r\n", want: `(?m)^a NO`, never: `evil `},
	{name: "a refused literal runs as commands (APPEND)", say: "a APPEND {6000+}\r\n" + strings.Repeat(evil, 600)[:5998] + "\r\n {3+}\r\nabc\r\n", want: `(?m)^a NO`, never: `evil `},
	{name: "a large literal of LOGIN is never answered", early: true, say: "a LOGIN {5000}\r\n", want: `(?m)^(\+ |a NO)`},
	{name: "what follows APPEND's literal runs as commands", say: "a APPEND INBOX {3+}\r\nabc" + evil + "\r\n", want: `(?m)^a BAD`, never: `evil `},
	{name: "an empty COPY is answered with half a line", say: "a UID COPY 99 INBOX\r\nb NOOP\r\n", want: `(?m)^a OK [^\[].*\r\nb OK`},
	{name: "an empty MOVE is never answered", say: "a UID MOVE 99 INBOX\r\nb NOOP\r\n", want: `(?m)^a OK [^\[].*\r\nb OK`},
	{name: "a multipart without parts panics",
		message: "Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts\r\n",
		say:     "a FETCH 1 BODYSTRUCTURE\r\n", want: `(?m)^\* 1 FETCH \(BODYSTRUCTURE \(.*\)\)\r\na OK`},
	{name: "a malformed header line hides the message",
		message: "From: a@example.org\r\nthis is no field\r\nSubject: x\r\n\r\nbody\r\n",
		say:     "a FETCH 1 BODY.PEEK[TEXT]\r\n", want: `BODY\[TEXT\] \{6\}\r\nbody\r\n`},
	{name: "SMALLER is dropped", say: "a SEARCH SMALLER 5 SINCE 1-Jan-1990\r\n", want: `(?m)^\* SEARCH\r\n`},
	{name: "syntax errors are SERVERBUG", say: "a FETCH x FLAGS\r\nb SEARCH FROB\r\nc SEARCH SINCE yesterday\r\n", want: `(?m)^a BAD.*\r\nb BAD.*\r\nc BAD`, never: `SERVERBUG`},
	{name: "an empty line closes", early: true, say: "\r\nb NOOP\r\n", want: `(?m)^b OK`},
	{name: "a bare tag closes", early: true, say: "a\r\nb NOOP\r\n", want: `(?m)^b OK`},
	{name: "an empty challenge is +=", early: true, say: "a AUTHENTICATE PLAIN\r\n*\r\n", want: `(?m)^\+ \r\n`, never: `\+ =`},
	{name: "done must be DONE", say: "a IDLE\r\ndone\r\n", want: `(?m)^a OK`},
	{name: "SAVE alone is answered", say: "a SEARCH RETURN (SAVE) ALL\r\nb NOOP\r\n", want: `(?m)^a OK`, never: `ESEARCH`},
	{name: "& is encoded under rev2", say: "a ENABLE IMAP4rev2\r\nb CREATE \"Q&A\"\r\nc LIST \"\" Q*\r\n", want: `(?m)^\* LIST .* "?Q&A"?\r\n`},
	{name: "BINARY's origin is missing", say: "a FETCH 1 BINARY[1]<0.3>\r\n", want: `BINARY\[1\]<0> \{3\}\r\nbod`},
	{name: "an unknown command closes", early: true, say: "a FROB\r\nb NOOP\r\n", want: `(?m)^a BAD.*\r\nb OK`},
}

// TestFaults shows each fault on imapserver as it comes, and its absence here.
// When a fault's first half fails, the library has mended it, and what the
// front does about it can go.
func TestFaults(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	for _, fault := range faults {
		if fault.message == "" {
			fault.message = plainMessage
		}
		say := fault.say
		if !fault.early {
			say = `l LOGIN alice@example.org "` + password + "\"\r\ns SELECT INBOX\r\n" + say
		}
		t.Run(fault.name, func(t *testing.T) {
			t.Run("imapserver", func(t *testing.T) {
				t.Parallel()
				if said := talkToStock(t, fault.message, say); fault.righted(said) {
					t.Errorf("imapserver has mended it:\n%s", said)
				}
			})
			t.Run("here", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t)
					check(t, f.deliver("alice", "INBOX", []byte(fault.message)))
					if said := f.talk(say); !fault.righted(said) {
						t.Errorf("got:\n%s", said)
					}
				})
			})
		})
	}
}

// righted: the answer, after login, is what it should be.
func (f *wrong) righted(said string) bool {
	if _, after, ok := strings.Cut(said, "\r\ns OK"); ok {
		_, said, _ = strings.Cut(after, "\r\n")
	}
	return regexp.MustCompile(f.want).MatchString(said) && (f.never == "" || !regexp.MustCompile(f.never).MatchString(said))
}

// talkToStock is talk with imapserver as it comes. It waits for a moment of
// silence: a server that would answer later counts as one that doesn't, which
// is what is being shown.
func talkToStock(t *testing.T, message, text string) string {
	u := imapmemserver.NewUser("alice@example.org", password)
	check(t, u.Create("INBOX", nil))
	_, err := u.Append("INBOX", sizedReader{bytes.NewReader([]byte(message))}, &imap.AppendOptions{Time: time.Now()})
	check(t, err)
	client := dialStock(t, u, nil)
	go client.Write([]byte(text))
	var said bytes.Buffer
	for b := make([]byte, 4096); ; {
		client.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := client.Read(b)
		said.Write(b[:n])
		if err != nil {
			return said.String()
		}
	}
}

// dialStock connects to imapserver as it comes, with a user in memory.
func dialStock(t *testing.T, u *imapmemserver.User, certs *tls.Config) net.Conn {
	mem := imapmemserver.New()
	mem.AddUser(u)
	srv := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}, imap.CapLiteralPlus: {}, imap.CapID: {}},
		InsecureAuth: true,
		TLSConfig:    certs,
		Logger:       log.New(io.Discard, "", 0),
	})
	ln := newPipeListener()
	go srv.Serve(ln)
	client, server := net.Pipe()
	t.Cleanup(func() {
		client.Close()
		ln.Close()
	})
	ln.conns <- server
	return client
}

type sizedReader struct{ *bytes.Reader }

func (r sizedReader) Size() int64 { return r.Reader.Size() }

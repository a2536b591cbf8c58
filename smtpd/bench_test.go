package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/deliver"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// null is a Backend that reads and forgets.
type null struct{ buffers sync.Pool }

func (*null) Sender(context.Context, *deliver.Client, mail.Address) error { return nil }

func (*null) Recipient(context.Context, *deliver.Client, *mail.Envelope, mail.Recipient) error {
	return nil
}

func (n *null) Accept(_ context.Context, _ *deliver.Client, _ *mail.Envelope, body io.Reader) (deliver.Outcome, error) {
	b := n.buffers.Get().(*[32 << 10]byte)
	defer n.buffers.Put(b)
	for {
		if _, err := body.Read(b[:]); err == io.EOF {
			return deliver.Outcome{ID: "x"}, nil
		} else if err != nil {
			return deliver.Outcome{}, err
		}
	}
}

// listen starts a Server with the null Backend on a real socket.
func listen(t testing.TB, cfg Config) net.Addr {
	cfg.Hostname = "hamburger.edu"
	if cfg.Backend == nil {
		cfg.Backend = &null{sync.Pool{New: func() any { return new([32 << 10]byte) }}}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := wire.NewServer()
	done := make(chan error)
	go func() {
		done <- New(cfg).Serve(w.Listener(ln, &wire.Config{Protocol: "smtp", Hostname: cfg.Hostname, Refusal: Refusal(cfg.Hostname)}))
	}()
	t.Cleanup(func() {
		stop := make(chan struct{})
		close(stop)
		w.Shutdown(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr()
}

// message is a text of about n octets.
func message(n int) []byte {
	var b bytes.Buffer
	b.WriteString("From: <a@crepes.fr>\r\nTo: <bob@hamburger.edu>\r\nSubject: bench\r\n\r\n")
	for b.Len() < n {
		b.WriteString("The quick brown fox jumps over the lazy dog, and then over 12 others as well.\r\n")
	}
	return b.Bytes()
}

// BenchmarkReceive is what one message costs the server, and a client as good
// as none, over 8 connections.
func BenchmarkReceive(b *testing.B) {
	text := message(20 << 10)
	for _, how := range []struct {
		name     string
		envelope string
		body     []byte
		replies  int // before the body
	}{
		{"DATA", "MAIL FROM:<a@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n", append(bytes.Clone(text), ".\r\n"...), 3},
		{"BDAT", "", append(fmt.Appendf(nil, "MAIL FROM:<a@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nBDAT %d LAST\r\n", len(text)), text...), 2},
	} {
		b.Run(how.name, func(b *testing.B) {
			addr := listen(b, Config{})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var clients sync.WaitGroup
			work := make(chan struct{}, 64)
			for range 8 {
				clients.Go(func() {
					c, err := net.Dial("tcp", addr.String())
					if err != nil {
						b.Error(err)
						return
					}
					defer c.Close()
					r := bufio.NewReader(c)
					expect(b, r, "220")
					io.WriteString(c, "HELO bench\r\n")
					expect(b, r, "250")
					for range work {
						if how.envelope != "" {
							io.WriteString(c, how.envelope)
							for range how.replies {
								expect(b, r, "")
							}
							c.Write(how.body)
						} else {
							c.Write(how.body)
							for range how.replies {
								expect(b, r, "250")
							}
						}
						expect(b, r, "250 2.0.0")
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			clients.Wait()
		})
	}
}

func expect(t testing.TB, r *bufio.Reader, prefix string) {
	line, err := r.ReadSlice('\n')
	if err != nil || !strings.HasPrefix(string(line), prefix) {
		t.Errorf("got %q, %v, want %s", line, err, prefix)
	}
}

// BenchmarkLines is the search for the end of a body, and of bad line ends: in a
// text as people send it, and in one that makes the most work of it.
func BenchmarkLines(b *testing.B) {
	for name, text := range map[string][]byte{"good": message(20 << 10), "bad": bytes.Repeat([]byte("a\r"), 10<<10)} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 32<<10)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				l := lines{dots: true}
				if _, n := l.decode(dst, text); n != len(text) {
					b.Fatal(n)
				}
			}
		})
	}
}

package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"posthorn/auth"
	"posthorn/internal/daemontest"
	"posthorn/internal/deliver"
	"posthorn/internal/explain"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// house is the whole way in: wire, smtpd, auth, deliver, store.
type house struct {
	t              *testing.T
	store          *store.Store
	bob            store.Account
	mx, submission net.Addr
}

func newHouse(t *testing.T) *house {
	ctx := context.Background()
	// The store's limit is on a message with its trace fields.
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir(), MaxMessage: 1<<20 + 64<<10})
	must(t, err)
	t.Cleanup(func() {
		if problems, err := st.Check(ctx, true); err != nil || len(problems) > 0 {
			t.Errorf("Check: %v %v", problems, err)
		}
		must(t, st.Close())
	})
	must(t, st.AddDomain(ctx, "hamburger.edu"))
	bob, err := st.AddAccount(ctx, mail.Address{Local: "bob", Domain: "hamburger.edu"}, []store.Credential{daemontest.Credential(t, "ketchup and pickles")})
	must(t, err)
	h := &house{t: t, store: st, bob: bob}
	cfg := Config{
		Hostname: "hamburger.edu", Backend: &deliver.Pipeline{Store: st, Hostname: "hamburger.edu"}, MaxMessage: 1 << 20,
		onReply: func(command string, code int) {
			if !explain.MayAnswer(command, code) {
				t.Errorf("%s answered with %d", command, code)
			}
		},
	}
	au := auth.New(st, auth.Config{})
	t.Cleanup(func() { daemontest.NoSessions(t, au) }) // once the listeners are closed
	h.mx = h.listen(cfg, "smtp")
	cfg.Submission, cfg.Auth = true, au
	cfg.PlainAuth = func(a netip.Addr) bool { return a.IsLoopback() }
	h.submission = h.listen(cfg, "submission")
	return h
}

func (h *house) listen(cfg Config, protocol string) net.Addr {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	w := wire.NewServer()
	done := make(chan error)
	go func() {
		done <- New(cfg).Serve(w.Listener(ln, &wire.Config{Protocol: protocol, Hostname: cfg.Hostname, TLS: daemontest.Localhost(h.t).Server("smtp"), Refusal: Refusal(cfg.Hostname)}))
	}()
	h.t.Cleanup(func() {
		stop := make(chan struct{})
		close(stop)
		w.Shutdown(stop)
		must(h.t, <-done)
	})
	return ln.Addr()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused tells whether err is a reply that begins with want.
func refused(err error, want string) bool {
	code, text, _ := strings.Cut(want, " ")
	e, ok := err.(*textproto.Error)
	return ok && fmt.Sprint(e.Code) == code && strings.HasPrefix(e.Msg, text)
}

// inbox returns bob's messages, whole.
func (h *house) inbox() (all []string) {
	ctx := context.Background()
	mb, err := h.store.MailboxByName(ctx, h.bob.ID, "INBOX")
	must(h.t, err)
	for m, err := range h.store.Messages(ctx, mb.ID, mail.UIDSet{{From: 1, To: 1 << 31}}, 0) {
		must(h.t, err)
		c, err := h.store.Content(ctx, m.Content)
		must(h.t, err)
		b := bytes.NewBuffer(bytes.Clone(m.Trace))
		must(h.t, c.WriteRange(b, 0, c.Size()))
		all = append(all, b.String())
	}
	return all
}

// TestDelivery: what was answered 250 is in the INBOX at once.
func TestDelivery(t *testing.T) {
	h := newHouse(t)
	c, err := smtp.Dial(h.mx.String())
	must(t, err)
	defer c.Close()
	for i := range 3 {
		must(t, c.Mail("alice@crepes.fr"))
		must(t, c.Rcpt("bob@hamburger.edu"))
		w, err := c.Data()
		must(t, err)
		fmt.Fprintf(w, "Subject: %d\r\n\r\n.dot\r\n", i)
		must(t, w.Close()) // reads the 250
		all := h.inbox()
		if len(all) != i+1 || !strings.HasSuffix(all[i], fmt.Sprintf("Subject: %d\r\n\r\n.dot\r\n", i)) ||
			!strings.HasPrefix(all[i], "Return-Path: <alice@crepes.fr>\r\n") || !strings.Contains(all[i], "Received: from localhost (") {
			t.Fatalf("after %d messages: %q", i+1, all)
		}
	}
	must(t, c.Mail("alice@crepes.fr"))
	for to, want := range map[string]string{"nobody@hamburger.edu": "550 5.1.1", "x@elsewhere.org": "550 5.7.1"} {
		if err := c.Rcpt(to); !refused(err, want) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestLimit: a message of exactly the limit is kept, with its trace fields; one
// octet more is not.
func TestLimit(t *testing.T) {
	h := newHouse(t)
	c, err := smtp.Dial(h.mx.String())
	must(t, err)
	defer c.Close()
	text := message(1 << 20)[:1<<20-2]
	for extra, want := range []string{"", "552 5.3.4"} {
		must(t, c.Mail("alice@crepes.fr"))
		must(t, c.Rcpt("bob@hamburger.edu"))
		w, err := c.Data()
		must(t, err)
		w.Write(bytes.Clone(text[:len(text)+extra-1]))
		w.Write([]byte("x\r\n"))
		if err := w.Close(); want == "" && err != nil || want != "" && !refused(err, want) {
			t.Errorf("%d more: %v", extra, err)
		}
	}
	if all := h.inbox(); len(all) != 1 || len(all[0]) < 1<<20 {
		t.Errorf("%d messages", len(all))
	}
}

// TestSubmit: log in by each mechanism, by way of TLS, as net/smtp does it.
func TestSubmit(t *testing.T) {
	h := newHouse(t)
	plain := smtp.PlainAuth("", "bob@hamburger.edu", "ketchup and pickles", "hamburger.edu")
	submit := func(a smtp.Auth, from string) error {
		c, err := smtp.Dial(h.submission.String())
		must(t, err)
		defer c.Close()
		if err := c.Mail(from); !refused(err, "530 5.7.0") {
			t.Errorf("without AUTH: %v", err)
		}
		must(t, c.StartTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "hamburger.edu"}))
		if err := c.Auth(a); err != nil {
			return err
		}
		if err := c.Mail(from); err != nil {
			return err
		}
		must(t, c.Rcpt("bob@hamburger.edu"))
		must(t, c.Rcpt("alice@crepes.fr")) // for the queue
		w, err := c.Data()
		must(t, err)
		io.WriteString(w, "I love Computer Network\n")
		return w.Close()
	}
	must(t, submit(onHost{plain}, "bob@hamburger.edu"))
	must(t, submit(&loginClient{}, "BOB@hamburger.edu"))
	if err := submit(onHost{plain}, "alice@crepes.fr"); !refused(err, "553 5.7.1") {
		t.Errorf("as somebody else: %v", err)
	}
	wrong := smtp.PlainAuth("", "bob@hamburger.edu", "mustard", "hamburger.edu")
	if err := submit(onHost{wrong}, "bob@hamburger.edu"); !refused(err, "535 5.7.8") {
		t.Errorf("wrong password: %v", err)
	}
	all := h.inbox()
	if len(all) != 2 || !strings.HasSuffix(all[0], "\r\n\r\nI love Computer Network\r\n") || !strings.Contains(all[0], "with UTF8SMTPSA") ||
		!strings.Contains(all[0], "\r\nMessage-ID: <") || !strings.Contains(all[0], "From: <bob@hamburger.edu>") && !strings.Contains(all[0], "From: bob@hamburger.edu") {
		t.Errorf("%q", all)
	}
	queued, err := h.store.QueueEntries(context.Background(), 0)
	if err != nil || len(queued) != 2 {
		t.Errorf("queue: %v, %v", queued, err)
	}
}

// onHost lets net/smtp's PlainAuth work on 127.0.0.1.
type onHost struct{ smtp.Auth }

func (a onHost) Start(s *smtp.ServerInfo) (string, []byte, error) {
	s.Name = "hamburger.edu"
	return a.Auth.Start(s)
}

type loginClient struct{}

func (*loginClient) Start(*smtp.ServerInfo) (string, []byte, error) { return "Login", nil, nil }

func (*loginClient) Next(prompt []byte, more bool) ([]byte, error) {
	switch string(prompt) {
	case "Username:":
		return []byte("bob@hamburger.edu"), nil
	case "Password:":
		return []byte("ketchup and pickles"), nil
	}
	if more {
		return nil, fmt.Errorf("prompt %q", prompt)
	}
	return nil, nil
}

// TestOffer: what auth offers is what EHLO says, and works.
func TestOffer(t *testing.T) {
	h := newHouse(t)
	c, err := textproto.Dial("tcp", h.submission.String())
	must(t, err)
	defer c.Close()
	_, _, err = c.ReadResponse(220)
	must(t, err)
	must(t, c.PrintfLine("EHLO pc"))
	_, offer, err := c.ReadResponse(250)
	must(t, err)
	if !strings.Contains(offer, "AUTH SCRAM-SHA-256 PLAIN LOGIN") {
		t.Errorf("offer: %s", offer)
	}
	must(t, c.PrintfLine("AUTH scram-sha-256 %s", base64.StdEncoding.EncodeToString([]byte("n,,n=bob@hamburger.edu,r=abcdefgh"))))
	_, challenge, err := c.ReadResponse(334)
	must(t, err)
	if b, err := base64.StdEncoding.DecodeString(challenge); err != nil || !strings.HasPrefix(string(b), "r=abcdefgh") {
		t.Errorf("challenge %q, %v", b, err)
	}
	must(t, c.PrintfLine("*"))
	_, _, err = c.ReadResponse(501)
	must(t, err)
}

// TestCorpus: what comes in is kept byte for byte, by DATA where its lines end
// in CRLF, else in chunks as BINARYMIME; eight at a time.
func TestCorpus(t *testing.T) {
	h := newHouse(t)
	want := map[string]int{}
	work := make(chan []byte)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			c, err := textproto.Dial("tcp", h.mx.String())
			must(t, err)
			defer c.Close()
			_, _, err = c.ReadResponse(220)
			must(t, err)
			must(t, c.PrintfLine("EHLO corpus"))
			_, _, err = c.ReadResponse(250)
			must(t, err)
			for text := range work {
				if err := send(c, text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	must(t, filepath.WalkDir("../internal/message/testdata/corpus", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && len(text) > 0 {
			want[string(text)]++
			work <- text
		}
		return err
	}))
	close(work)
	clients.Wait()
	if len(want) < 100 {
		t.Fatalf("only %d messages", len(want))
	}
	for _, got := range h.inbox() {
		_, text, ok := strings.Cut(got, "\tfor <bob@hamburger.edu>;\r\n\t")
		_, text, more := strings.Cut(text, "\r\n")
		if !ok || !more {
			t.Fatalf("no Received field: %.300q", got)
		}
		if _, sent := want[text]; !sent { // a text without header: a blank line ends the fields in front
			text = strings.TrimPrefix(text, "\r\n")
		}
		if want[text]--; want[text] < 0 {
			t.Errorf("not sent so: %.200q", text)
		}
	}
	for text, n := range want {
		if n > 0 {
			t.Errorf("%d times missing: %.200q", n, text)
		}
	}
}

// send hands text over, octet for octet.
func send(c *textproto.Conn, text []byte) error {
	plain := !bare(string(text)) && bytes.HasSuffix(text, []byte("\r\n"))
	var b bytes.Buffer
	if plain {
		b.WriteString("MAIL FROM:<alice@crepes.fr> SMTPUTF8\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n")
	} else {
		fmt.Fprintf(&b, "MAIL FROM:<alice@crepes.fr> BODY=BINARYMIME\r\nRCPT TO:<bob@hamburger.edu>\r\nBDAT %d\r\n%sBDAT %d LAST\r\n%s",
			len(text)/2, text[:len(text)/2], len(text)-len(text)/2, text[len(text)/2:])
	}
	c.W.Write(b.Bytes())
	c.W.Flush()
	for _, code := range []int{250, 250, 0} {
		if code == 0 && plain {
			code = 354
		} else if code == 0 {
			code = 250
		}
		if _, _, err := c.ReadResponse(code); err != nil {
			return err
		}
	}
	if plain {
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), text...), []byte("\r\n."), []byte("\r\n.."))
		c.W.Write(append(stuffed[2:], ".\r\n"...))
		c.W.Flush()
	}
	_, _, err := c.ReadResponse(250)
	return err
}

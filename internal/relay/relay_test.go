package relay

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

const message = "Subject: Do you like ketchup?\r\n\r\nHow about pickles?\r\n"

func wantResults(t *testing.T, got [][]mail.Result, want ...[]string) {
	t.Helper()
	var all [][]string
	for _, results := range got {
		all = append(all, kinds(results))
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("results (-want +got)\n%s", diff)
	}
}

// TestManyOnOneConnection: and each octet as it was.
func TestManyOnOneConnection(t *testing.T) {
	for _, offers := range [][]string{nil, {"PIPELINING"}, {"pipelining", "Size 1000000", "8bitmime"}} {
		h := &fakeHop{offers: offers}
		bodies := []string{message, "", "\r\n", ".\r\n..\r\n.x\r\n", "no line end", "\r\n.", strings.Repeat(strings.Repeat("x", 998)+"\r\n", 300)}
		var ms []*mail.Outgoing
		for _, b := range bodies {
			ms = append(ms, outgoing(b, "bob@hamburger.edu"))
		}
		results, down := deliver(t, h.listen(t), ms...)
		if down != nil || len(results) != len(bodies) || h.saw().connections != 1 {
			t.Fatalf("%d results on %d connections, down: %+v", len(results), h.saw().connections, down)
		}
		for i, b := range bodies {
			if got := kinds(results[i]); !slices.Equal(got, []string{"relayed 250 2.6.0 kept"}) {
				t.Errorf("message %d: %v", i, got)
			}
			if !strings.HasSuffix(b, "\r\n") && b != "" {
				b += "\r\n" // DATA knows only whole lines
			}
			if got := h.saw().got[i].data; got != b && !(b == "" && got == "\r\n") {
				t.Errorf("%.60q arrived as %.60q", b, got)
			}
		}
		if last := h.saw().lines[len(h.saw().lines)-1]; last != "QUIT" {
			t.Errorf("the last command was %q", last)
		}
		if n := countLines(h, "EHLO"); n != 1 {
			t.Errorf("%d EHLOs", n)
		}
	}
}

func countLines(h *fakeHop, prefix string) (n int) {
	for _, line := range h.saw().lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// TestRefusals: a refusal at each stage, and what it means for whom. The
// message after it must find the session in order.
func TestRefusals(t *testing.T) {
	const kept = "relayed 250 2.6.0 kept"
	to := []string{"a@hamburger.edu", "b@hamburger.edu", "c@hamburger.edu"}
	for _, tt := range []struct {
		name    string
		replies map[string]string // first words of a command → reply, once
		want    []string
	}{
		{"nothing", nil, []string{kept, kept, kept}},
		{"MAIL 5yz", map[string]string{"MAIL": "550 5.7.1 not you"}, []string{"failed 550 5.7.1 not you", "failed 550 5.7.1 not you", "failed 550 5.7.1 not you"}},
		{"MAIL 4yz", map[string]string{"MAIL": "451 try again"}, []string{"deferred 451 4.0.0 try again", "deferred 451 4.0.0 try again", "deferred 451 4.0.0 try again"}},
		{"one RCPT 5yz", map[string]string{"RCPT TO:<b@": "550 No such user here"}, []string{kept, "failed 550 5.0.0 No such user here", kept}},
		{"two RCPT", map[string]string{"RCPT TO:<a@": "550 5.1.1 no", "RCPT TO:<c@": "450 4.2.1 busy"}, []string{"failed 550 5.1.1 no", kept, "deferred 450 4.2.1 busy"}},
		{"251", map[string]string{"RCPT TO:<a@": "251 2.1.5 will forward"}, []string{kept, kept, kept}},
		{"all RCPT", map[string]string{"RCPT TO:<a@": "550 5.1.1 no", "RCPT TO:<b@": "550 5.1.1 no", "RCPT TO:<c@": "450 4.2.1 busy"},
			[]string{"failed 550 5.1.1 no", "failed 550 5.1.1 no", "deferred 450 4.2.1 busy"}},
		{"all RCPT, and 354 all the same", map[string]string{"RCPT TO:<a@": "550 5.1.1 no", "RCPT TO:<b@": "550 5.1.1 no", "RCPT TO:<c@": "550 5.1.1 no", "DATA": "354 come on"},
			[]string{"failed 550 5.1.1 no", "failed 550 5.1.1 no", "failed 550 5.1.1 no"}},
		{"MAIL, and all else is taken", map[string]string{"MAIL": "451 4.7.1 not now", "RCPT TO:<a@": "250 yes", "RCPT TO:<b@": "250 yes", "RCPT TO:<c@": "250 yes", "DATA": "354 come on"},
			[]string{"deferred 451 4.7.1 not now", "deferred 451 4.7.1 not now", "deferred 451 4.7.1 not now"}},
		{"DATA 5yz", map[string]string{"DATA": "554 5.3.0 no"}, []string{"failed 554 5.3.0 no", "failed 554 5.3.0 no", "failed 554 5.3.0 no"}},
		{"DATA 4yz", map[string]string{"DATA": "451 4.3.0 no", "RCPT TO:<a@": "550 5.1.1 no"}, []string{"failed 550 5.1.1 no", "deferred 451 4.3.0 no", "deferred 451 4.3.0 no"}},
		{"DATA 250", map[string]string{"DATA": "250 what?"}, []string{"deferred 250 2.0.0 what?", "deferred 250 2.0.0 what?", "deferred 250 2.0.0 what?"}},
		{"dot 5yz", map[string]string{".": "554 5.7.1 spam"}, []string{"failed 554 5.7.1 spam", "failed 554 5.7.1 spam", "failed 554 5.7.1 spam"}},
		{"dot 4yz", map[string]string{".": "452-4.3.1 disk\n452 4.3.1 full", "RCPT TO:<c@": "550 5.1.1 no"}, []string{"deferred 452 4.3.1 disk full", "deferred 452 4.3.1 disk full", "failed 550 5.1.1 no"}},
		{"status of another class", map[string]string{".": "554 2.0.0 fine"}, []string{"failed 554 5.0.0 2.0.0 fine", "failed 554 5.0.0 2.0.0 fine", "failed 554 5.0.0 2.0.0 fine"}},
		{"too many, old", map[string]string{"RCPT TO:<c@": "552 too many"}, []string{kept, kept, kept}},
		{"too many", map[string]string{"RCPT TO:<b@": "452 4.5.3 too many", "RCPT TO:<c@": "452 4.5.3 too many"}, []string{kept, kept, kept}},
	} {
		for _, offers := range [][]string{nil, {"PIPELINING"}} {
			t.Run(tt.name+"/"+strings.Join(offers, ""), func(t *testing.T) {
				h := &fakeHop{offers: offers, reply: once(tt.replies)}
				results, down := deliver(t, h.listen(t), outgoing(message, to...), outgoing(message, "z@hamburger.edu"))
				wantResults(t, results, tt.want, []string{kept})
				connections := 1
				if strings.HasPrefix(tt.name, "MAIL, and all") && offers != nil {
					connections = 2
				}
				if down != nil || h.saw().connections != connections {
					t.Errorf("down %+v after %d connections", down, h.saw().connections)
				}
				for _, got := range h.saw().got {
					for i, address := range to {
						if tt.want[i] != kept && slices.Contains(got.to, address) {
							t.Errorf("%s got the message, and will again", address)
						}
					}
					if got.data != message {
						t.Errorf("data %q", got.data)
					}
				}
				if u := h.saw().unfinished; len(u) > 0 && (connections == 1 || strings.Join(u, "") != "") {
					t.Errorf("a message to nobody, or half of one: %q", h.saw().unfinished)
				}
			})
		}
	}
}

// once answers each command that begins as a key says, the first time.
func once(replies map[string]string) func(verb, line string) string {
	var mu sync.Mutex
	left := make(map[string]string)
	for k, v := range replies {
		left[k] = v
	}
	return func(verb, line string) string {
		mu.Lock()
		defer mu.Unlock()
		for k, v := range left {
			if verb == k || strings.HasPrefix(line, k) && verb != "LINE" {
				delete(left, k)
				return v
			}
		}
		return ""
	}
}

// TestGreetings: what may happen before the first message.
func TestGreetings(t *testing.T) {
	for _, tt := range []struct {
		name     string
		greeting string
		replies  map[string]string
		want     string // of the hop; empty: the message is delivered
	}{
		{"slow start", "220-wait\n220 hop", nil, ""},
		{"no service", "554 no SMTP here", nil, "deferred 554 5.0.0 no SMTP here"},
		{"never any service", "521 5.3.2 not a mail host", nil, "failed 521 5.3.2 not a mail host"},
		{"busy", "421 4.3.2 later", nil, "deferred 421 4.3.2 later"},
		{"not SMTP", "HTTP/1.1 400 Bad Request", nil, `deferred 0 4.4.2 not an SMTP reply: "HTTP/1.1 400 Bad Request"`},
		{"an endless line", "220 " + strings.Repeat("x", 5000), nil, "deferred 0 4.4.2 a line of the reply is too long"},
		{"endless lines", strings.Repeat("220-x\n", 1000) + "220 x", nil, "deferred 0 4.4.2 the reply has too many lines"},
		{"no number", "2x0 hop", nil, `deferred 0 4.4.2 not an SMTP reply: "2x0 hop"`},
		{"no reply's number", "199 hop", nil, `deferred 0 4.4.2 not an SMTP reply: "199 hop"`},
		{"no status", "554 5.x.1 no", nil, "deferred 554 5.0.0 5.x.1 no"},
		{"a hole in the status", "554 5..1 no", nil, "deferred 554 5.0.0 5..1 no"},
		{"a long status", "554 5.1234.1 no", nil, "deferred 554 5.0.0 5.1234.1 no"},
		{"two codes", "220-x\n250 x", nil, `deferred 0 4.4.2 not an SMTP reply: "250 x"`},
		{"nothing", "drop", nil, "deferred 0 4.4.2 the server closed the connection"},
		{"this server", "220 MAIL.crepes.fr ESMTP", nil, "failed 0 5.4.6 the route leads back to this server"},
		{"this server at EHLO", "", map[string]string{"EHLO": "250 mail.crepes.fr"}, "failed 0 5.4.6 the route leads back to this server"},
		{"no EHLO", "", map[string]string{"EHLO": "500 what?"}, ""},
		{"no EHLO, 502", "", map[string]string{"EHLO": "502 5.5.1 what?"}, ""},
		{"EHLO later", "", map[string]string{"EHLO": "450 4.7.0 greylisted"}, "deferred 450 4.7.0 greylisted"},
		{"EHLO drop", "", map[string]string{"EHLO": "drop"}, "deferred 0 4.4.2 the server closed the connection"},
		{"no HELO either", "", map[string]string{"EHLO": "550 no", "HELO": "550 5.7.1 go away"}, "deferred 550 5.7.1 go away"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &fakeHop{greeting: tt.greeting, reply: once(tt.replies)}
			results, down := deliver(t, h.listen(t), outgoing(message, "bob@hamburger.edu"))
			if tt.want == "" {
				wantResults(t, results, []string{"relayed 250 2.6.0 kept"})
			} else if down == nil || kind(*down) != tt.want || len(results) != 0 {
				t.Errorf("down %+v, want %s", down, tt.want)
			}
		})
	}
}

// TestDrops: the connection ends at each stage. The message after it goes over
// a new one.
func TestDrops(t *testing.T) {
	for _, stage := range []string{"MAIL", "RCPT", "DATA", "LINE", "."} {
		for _, offers := range [][]string{nil, {"PIPELINING"}} {
			t.Run(stage+strings.Join(offers, ""), func(t *testing.T) {
				h := &fakeHop{offers: offers, reply: once(map[string]string{stage: "drop"})}
				results, down := deliver(t, h.listen(t), outgoing(message, "a@hamburger.edu", "b@hamburger.edu"), outgoing(message, "c@hamburger.edu"))
				if down != nil || h.saw().connections != 2 || len(h.saw().got) != 1 || len(results) != 2 {
					t.Fatalf("down %+v, %d connections, %d messages, results %v", down, h.saw().connections, len(h.saw().got), results)
				}
				for _, res := range results[0] {
					if res.Disposition != mail.Deferred || res.Status != "4.4.2" || !strings.HasPrefix(res.Text, "connection lost: ") {
						t.Errorf("result %s", kind(res))
					}
				}
			})
		}
	}
	t.Run("421", func(t *testing.T) {
		h := &fakeHop{reply: once(map[string]string{"RCPT": "421 4.3.2 closing"})}
		results, _ := deliver(t, h.listen(t), outgoing(message, "a@hamburger.edu"), outgoing(message, "c@hamburger.edu"))
		wantResults(t, results, []string{"deferred 421 4.3.2 closing"}, []string{"relayed 250 2.6.0 kept"})
	})
	t.Run("always", func(t *testing.T) {
		h := &fakeHop{reply: func(verb, _ string) string {
			if verb == "MAIL" {
				return "drop"
			}
			return ""
		}}
		var ms []*mail.Outgoing
		for range 20 {
			ms = append(ms, outgoing(message, "a@hamburger.edu"))
		}
		results, down := deliver(t, h.listen(t), ms...)
		if down == nil || down.Disposition != mail.Deferred || h.saw().connections > 3 || len(results) > 3 {
			t.Errorf("down %+v after %d connections, %d results", down, h.saw().connections, len(results))
		}
	})
}

// TestFewOnOneConnection: a server that takes one message on a connection gets
// the next on another, and nobody waits for that.
func TestFewOnOneConnection(t *testing.T) {
	for _, word := range []string{"drop", "421 4.7.0 one is enough"} {
		for _, offers := range [][]string{nil, {"PIPELINING"}} {
			var mails atomic.Int32
			h := &fakeHop{offers: offers, reply: func(verb, _ string) string {
				switch {
				case verb == "EHLO":
					mails.Store(0)
				case verb == "MAIL" && mails.Add(1) > 1:
					return word
				}
				return ""
			}}
			var ms []*mail.Outgoing
			for range 5 {
				ms = append(ms, outgoing(message, "a@hamburger.edu"))
			}
			results, down := deliver(t, h.listen(t), ms...)
			kept := []string{"relayed 250 2.6.0 kept"}
			wantResults(t, results, kept, kept, kept, kept, kept)
			if down != nil || h.saw().connections != 5 {
				t.Errorf("%s: down %+v, %d connections", word, down, h.saw().connections)
			}
		}
	}
}

// TestUnspeakable: what go-smtp does not say for one recipient shifts nobody's
// reply to another.
func TestUnspeakable(t *testing.T) {
	h := &fakeHop{offers: []string{"DSN"}, reply: once(map[string]string{"RCPT": "550 5.1.1 no such user"})}
	m := outgoing(message, "a@hamburger.edu", "b@hamburger.edu", "c@hamburger.edu")
	m.To[1].Notify = mail.NotifyNever | mail.NotifySuccess
	results, _ := deliver(t, h.listen(t), m, outgoing(message, "d@hamburger.edu"))
	const lost = "deferred 0 4.4.2 connection lost: smtp: Malformed NOTIFY parameter value"
	wantResults(t, results, []string{"failed 550 5.1.1 no such user", lost, lost}, []string{"relayed 250 2.6.0 kept"})
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, down := deliver(t, &Relay{Default: &Route{Address: l.Addr().String()}}, outgoing(message, "a@b.c"))
	if down == nil || down.Status != "4.4.1" || down.Disposition != mail.Deferred || down.Text != "connection refused" || down.MTA != "[127.0.0.1]" {
		t.Errorf("down %+v", down)
	}
}

// TestServerName: a result names the server as the route does, or else as it
// does itself.
func TestServerName(t *testing.T) {
	for _, tt := range []struct{ greeting, host, want string }{
		{"220 hamburger.edu ESMTP", "127.0.0.1", "hamburger.edu"},
		{"220 localhost ESMTP", "127.0.0.1", "[127.0.0.1]"},
		{"220 a..b ESMTP", "127.0.0.1", "[127.0.0.1]"},
		{"220 hamburger.edu ESMTP", "localhost", "localhost"},
	} {
		h := &fakeHop{greeting: tt.greeting}
		r := h.listen(t)
		r.Default.Address = strings.Replace(r.Default.Address, "127.0.0.1", tt.host, 1)
		results, down := deliver(t, r, outgoing(message, "a@b.c"))
		if down != nil || results[0][0].MTA != tt.want {
			t.Errorf("%q at %s: %v, %+v", tt.greeting, tt.host, down, results)
		}
	}
}

func TestRoutes(t *testing.T) {
	smart, own, other := &Route{Address: "smart:587"}, &Route{Address: "127.0.0.1:3025"}, &Route{Address: "127.0.0.1:3025", TLS: TLSRequired}
	r := &Relay{Routes: map[string]*Route{"hamburger.edu": own, mail.DomainKey("phở.vn"): other}, Default: smart}
	for domain, want := range map[string]*Route{"hamburger.edu": own, "HAMBURGER.edu": own, "sub.hamburger.edu": smart,
		"example.org": smart, "[192.0.2.1]": smart, "phở.vn": other} {
		if got := r.route(r.Hop(domain)); got != want {
			t.Errorf("%s goes to %+v, want %+v", domain, got, want)
		}
	}
	r.Default = nil
	down := r.Deliver(t.Context(), r.Hop("example.org"), func() *mail.Outgoing { t.Error("next"); return nil }, nil)
	if down == nil || kind(*down) != "failed 0 5.4.4 no route to the domain is configured" {
		t.Errorf("down %+v", down)
	}
}

// TestUnreadable: a message that cannot be read to its end must not seem
// complete to the hop.
func TestUnreadable(t *testing.T) {
	h := &fakeHop{}
	bad := outgoing("", "a@hamburger.edu")
	bad.Content = brokenContent{}
	results, _ := deliver(t, h.listen(t), bad, outgoing(message, "b@hamburger.edu"))
	wantResults(t, results, []string{"deferred 0 4.3.0 the stored message cannot be read"}, []string{"relayed 250 2.6.0 kept"})
	if len(h.saw().got) != 1 || h.saw().got[0].data != message {
		t.Errorf("got %q", h.saw().got)
	}
}

type brokenContent struct{}

func (brokenContent) Size() int64 { return 100_000 }
func (brokenContent) WriteRange(w io.Writer, off, n int64) error {
	io.WriteString(w, strings.Repeat("half of it\r\n", 5000))
	return mail.ErrCorrupt
}

// TestNothingBareGoesOut: whatever is stored, a hop sees no bare CR or LF, and
// one message.
func TestNothingBareGoesOut(t *testing.T) {
	h := &fakeHop{offers: []string{"PIPELINING"}}
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\n.\r", "\r.\r\n", "\r\r\n.\r\n", "\r\n\x00.\r\n"} {
		body := "Subject: x\r\n\r\nfirst" + end + "MAIL FROM:<evil@x>\r\nRCPT TO:<b@c>\r\nDATA\r\nsmuggled" + end
		before := len(h.saw().got)
		deliver(t, h.listen(t), outgoing(body, "a@hamburger.edu"))
		if len(h.saw().got) != before+1 {
			t.Fatalf("%q became %d messages", end, len(h.saw().got)-before)
		}
		if data := h.saw().got[before].data; strings.ContainsAny(strings.ReplaceAll(data, "\r\n", ""), "\r\n") || !strings.Contains(data, "smuggled") {
			t.Errorf("%q arrived as %q", end, data)
		}
	}
}

// TestTimeouts: a hop that falls silent at any stage is left, in the time that
// RFC 5321 §4.5.3.2 has for that stage.
func TestTimeouts(t *testing.T) {
	for stage, want := range map[string]time.Duration{"greeting": 5 * time.Minute, "EHLO": 5 * time.Minute, "MAIL": 5 * time.Minute,
		"RCPT": 5 * time.Minute, "DATA": 2 * time.Minute, ".": 10 * time.Minute, "QUIT": 5 * time.Second} {
		t.Run(stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &fakeHop{reply: once(map[string]string{stage: "hang"})}
				if stage == "greeting" {
					h.greeting = "hang"
				}
				r := h.pipe()
				begin := time.Now()
				results, down := deliver(t, r, outgoing(message, "a@hamburger.edu"))
				if d := time.Since(begin); d != want {
					t.Errorf("left after %v, want %v", d, want)
				}
				res := down
				if len(results) > 0 {
					res = &results[0][0]
				}
				if stage == "QUIT" {
					if kind(*res) != "relayed 250 2.6.0 kept" {
						t.Errorf("result %+v", res)
					}
				} else if res.Status != "4.4.2" || !strings.HasSuffix(res.Text, "the server did not answer in time") {
					t.Errorf("result %+v", res)
				}
			})
		})
	}
}

// TestSlowReader: a hop that takes the message a few octets at a time is left,
// after three minutes (RFC 5321 §4.5.3.2.5) or when the whole should have been out at 4 KiB a second, to
// which a quarter of an hour is added.
func TestSlowReader(t *testing.T) {
	for line, most := range map[time.Duration]time.Duration{2 * time.Minute: 3 * time.Minute, 300 * time.Millisecond: 15*time.Minute + 360_000/4096*time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := &fakeHop{reply: func(verb, _ string) string {
				if verb == "LINE" {
					time.Sleep(line)
				}
				return ""
			}}
			begin := time.Now()
			results, _ := deliver(t, h.pipe(), outgoing(strings.Repeat(strings.Repeat("x", 70)+"\r\n", 5000), "a@hamburger.edu"))
			if d := time.Since(begin); d != most {
				t.Errorf("%v for a line: left after %v, not %v", line, d, most)
			}
			if kind(results[0][0]) != "deferred 0 4.4.2 connection lost: the server did not answer in time" {
				t.Errorf("result %s", kind(results[0][0]))
			}
			time.Sleep(time.Hour * 24 * 10) // let the hop see that the connection ended
		})
	}
}

// pipe serves the hop on pipes, for the clock of a synctest bubble.
func (h *fakeHop) pipe() *Relay {
	return &Relay{Hostname: "mail.crepes.fr", Default: &Route{Address: "hop:25"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go h.serve(theirs)
		return ours, nil
	}}
}

// TestCutOff: the end of the context ends a delivery at any stage.
func TestCutOff(t *testing.T) {
	for _, stage := range []string{"EHLO", "MAIL", "DATA", "."} {
		synctest.Test(t, func(t *testing.T) {
			h := &fakeHop{reply: once(map[string]string{stage: "hang"})}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			sent := false
			r := h.pipe()
			r.Deliver(ctx, r.Hop("x"), func() *mail.Outgoing {
				if sent {
					return nil
				}
				sent = true
				return outgoing(message, "a@hamburger.edu")
			}, func(results []mail.Result) {
				if results[0].Disposition != mail.Deferred {
					t.Errorf("result %s", kind(results[0]))
				}
			})
			if d := time.Since(begin); d != time.Second {
				t.Errorf("%s: it took %v", stage, d)
			}
		})
	}
}

// TestLibraryServer: the same against a server that others have written.
func TestLibraryServer(t *testing.T) {
	backend := &libraryBackend{}
	s := smtp.NewServer(backend)
	s.Domain, s.AllowInsecureAuth, s.EnableSMTPUTF8, s.EnableDSN = "hop", true, true, true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	r := &Relay{Hostname: "mail.crepes.fr", Default: &Route{Address: l.Addr().String()}}
	results, down := deliver(t, r, outgoing(message, "a@hamburger.edu", "nobody@hamburger.edu"), outgoing(message, "nobody@hamburger.edu"), outgoing(message, "b@hamburger.edu"))
	if down != nil {
		t.Error(down)
	}
	wantResults(t, results, []string{"relayed 250 2.0.0 OK: queued", "failed 550 5.1.1 No such user here"},
		[]string{"failed 550 5.1.1 No such user here"}, []string{"relayed 250 2.0.0 OK: queued"})
	if !slices.Equal(backend.got, []string{message, message}) {
		t.Errorf("got %q", backend.got)
	}
}

type libraryBackend struct{ got []string }

func (b *libraryBackend) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *libraryBackend) Mail(string, *smtp.MailOptions) error        { return nil }
func (b *libraryBackend) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	}
	return nil
}
func (b *libraryBackend) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	b.got = append(b.got, string(body))
	return err
}
func (b *libraryBackend) Reset()        {}
func (b *libraryBackend) Logout() error { return nil }

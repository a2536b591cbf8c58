package page

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"posthorn/internal/class"
	"posthorn/internal/fault"
	"posthorn/internal/golden"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

const testToken = "sesame"

// newPage is a page of one server with a mailbox.
func newPage(t *testing.T) (http.Handler, *class.Room, *store.Store, *wire.Tap) {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() { check(t, st.Close()) })
	check(t, st.AddDomain(ctx, "hamburger.edu"))
	_, err = st.AddAccount(ctx, mail.Address{Local: "bob", Domain: "hamburger.edu"}, nil)
	check(t, err)
	room, tap := class.NewRoom(class.Limits{}), &wire.Tap{}
	t.Cleanup(room.Join(class.Joining{
		Name: "hamburger.edu", Tap: tap, Store: st, Ports: map[string]int{"smtp": 3025}, Faults: &fault.Set{},
		Switch: func(bool) error { return nil },
	}))
	return New(Config{
		Room: room, Token: testToken, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Hosts: []string{"class.example"},
		Mode: "demo", Version: "1", CanReveal: true,
	}), room, st, tap
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:2080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Posthorn-Token", testToken)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestGuard: other sites' pages, other networks, and who has no token change
// nothing and see nothing.
func TestGuard(t *testing.T) {
	h, _, _, _ := newPage(t)
	for _, c := range []struct {
		what   string
		change func(r *http.Request)
		status int
	}{
		{"as it should be", func(*http.Request) {}, 200},
		{"the loopback address", func(r *http.Request) { r.Host = "127.9.9.9:2080" }, 200},
		{"IPv6", func(r *http.Request) { r.Host = "[::1]:2080" }, 200},
		{"a configured name", func(r *http.Request) { r.Host = "CLASS.example" }, 200},
		{"a stranger's name", func(r *http.Request) { r.Host = "evil.example:2080" }, 421},
		{"localhost in a stranger's name", func(r *http.Request) { r.Host = "localhost.evil.example" }, 421},
		{"no name", func(r *http.Request) { r.Host = "" }, 421},
		{"an address elsewhere", func(r *http.Request) { r.Host = "192.0.2.1" }, 421},
		{"a zone", func(r *http.Request) { r.Host = "[::1%evil]" }, 421},
		{"another network", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5" }, 403},
		{"no address", func(r *http.Request) { r.RemoteAddr = "@" }, 403},
		{"no token", func(r *http.Request) { r.Header.Del("X-Posthorn-Token") }, 403},
		{"a wrong token", func(r *http.Request) { r.Header.Set("X-Posthorn-Token", "sesam") }, 403},
		{"a form", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"GET", func(r *http.Request) { r.Method = "GET" }, 405},
	} {
		r := request("POST", "/reveal", `{"on":true}`)
		c.change(r)
		w := serve(h, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.what, w.Code, w.Body)
		}
		if c.status != 200 && strings.Contains(w.Body.String(), "servers") {
			t.Errorf("%s sees the state", c.what)
		}
		header := w.Header()
		if header.Get("Content-Security-Policy") != policy || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", c.what, header)
		}
	}
	locked := New(Config{Room: class.NewRoom(class.Limits{}), From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	r := request("POST", "/reveal", `{"on":true}`)
	r.Header.Set("X-Posthorn-Token", "")
	if w := serve(locked, r); w.Code != 403 {
		t.Errorf("without any token: %d", w.Code)
	}
}

// TestRequests asks for everything once, rightly and wrongly.
func TestRequests(t *testing.T) {
	h, room, _, _ := newPage(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/", "", 200, "<!doctype html>"},
		{"GET", "/assets/none.js", "", 404, ""},
		{"GET", "/assets/../page.go", "", 307, ""},
		{"GET", "/nothing", "", 404, ""},
		{"GET", "/state", "", 200, `"ports":{"smtp":3025}`},
		{"GET", "/state?sessions=no", "", 200, `"sessions":[]`},
		{"GET", "/events.json", "", 200, `{"events":[`},
		{"GET", "/events.json?since=x", "", 400, "bad-request"},
		{"GET", "/events?since=-1", "", 400, "bad-request"},
		{"GET", "/session/none.txt", "", 404, "unknown-session"},
		{"GET", "/session/none", "", 404, "unknown-session"},
		{"GET", "/messages?server=hamburger.edu", "", 200, `{"messages":[]}`},
		{"GET", "/messages?server=crepes.fr", "", 404, "unknown-server"},
		{"GET", "/message?server=hamburger.edu&id=1.1", "", 404, "unknown-message"},
		{"GET", "/message?server=hamburger.edu&id=99.1", "", 404, "unknown-message"},
		{"GET", "/message?server=hamburger.edu&id=..", "", 404, "unknown-message"},
		{"GET", "/explain?lang=vi", "", 200, `"lang":"vi"`},
		{"POST", "/server", `{"server":"hamburger.edu","up":false}`, 200, `"up":false`},
		{"POST", "/server", `{"server":"crepes.fr"}`, 404, "unknown-server"},
		{"POST", "/fault", `{"arm":{"protocol":"smtp","kind":"reply","command":"rcpt","code":450,"times":1}}`, 200, `"code":450`},
		{"POST", "/fault", `{"arm":{"protocol":"smtp","kind":"explode"}}`, 400, "bad-request"},
		{"POST", "/fault", `{"clear":true}`, 200, `"faults":[]`},
		{"POST", "/fault", `{"surprise":true}`, 400, "bad-request"},
		{"POST", "/fault", `{`, 400, "bad-request"},
		{"POST", "/fault", `{"clear":` + strings.Repeat(" ", 16<<10-14) + `true}`, 200, `"faults":[]`},
		{"POST", "/fault", `{"clear":` + strings.Repeat(" ", 16<<10-13) + `true}`, 400, "bad-request"},
		{"POST", "/reveal", `{"on":true}`, 200, `"reveal":true`},
		{"POST", "/queue", `{"server":"hamburger.edu"}`, 200, `"queue":[]`},
		{"POST", "/queue", `{"server":"hamburger.edu","id":7}`, 404, ""},
		{"POST", "/show", `{"script":"550"}`, 404, "unknown-script"},
	} {
		w := serve(h, request(c.method, c.path, c.body))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s %.40s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
	if !room.Events(0).More && len(room.Events(0).Events) != 4 {
		t.Errorf("%d events of switches", len(room.Events(0).Events))
	}
	modest := New(Config{Room: room, Token: testToken, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if w := serve(modest, request("POST", "/reveal", `{"on":true}`)); w.Code != 403 {
		t.Errorf("revealed where that is not allowed: %d", w.Code)
	}
}

// TestFollowers: so many may watch, and they get what happens; when one leaves,
// another may.
func TestFollowers(t *testing.T) {
	h, room, _, _ := newPage(t)
	srv := httptest.NewServer(h)
	defer srv.Close()
	var open []io.ReadCloser
	for i := range 64 {
		resp, err := http.Get(srv.URL + "/events?since=0")
		check(t, err)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("watcher %d: %d", i, resp.StatusCode)
		}
		open = append(open, resp.Body)
		if i == 0 {
			room.Reveal(true)
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() && !strings.Contains(lines.Text(), `"kind":"reveal-on"`) {
			}
			check(t, lines.Err())
		}
	}
	resp, err := http.Get(srv.URL + "/events")
	check(t, err)
	if resp.Body.Close(); resp.StatusCode != 503 {
		t.Errorf("one too many: %d", resp.StatusCode)
	}
	room.Close() // ends those that watch
	for _, body := range open {
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Error(err)
		}
		body.Close()
	}
}

const letter = "Received: from crepes.fr ([127.0.0.1])\r\n\tby hamburger.edu with ESMTP id b2\r\n\tfor <bob@hamburger.edu>; Sun, 22 Nov 2026 08:00:02 +0000\r\n" +
	"Received: from laptop by crepes.fr with ESMTPSA id a1; Sun, 22 Nov 2026 08:00:01 +0000\r\n" +
	"From: =?utf-8?q?Al=C3=ACce?= <alice@crepes.fr>\r\nTo: friends@crepes.fr\r\nSubject: =?utf-8?b?QuG7r2EgdHLGsGE=?=\r\n" +
	"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@crepes.fr>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nXin ch=C3=A0o =\r\nBob, 2+2=3D4 =ZZ\r\n" +
	"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"<b>.txt\"\r\n\r\nSGVs\r\nbG8gaOk=\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n--b--\r\n"

// deliverBob puts a letter into Bob's inbox.
func deliverBob(t *testing.T, st *store.Store, text, trace string) {
	t.Helper()
	bob, err := st.Account(t.Context(), mail.Address{Local: "bob", Domain: "hamburger.edu"})
	check(t, err)
	accept(t, st, text, store.Delivery{Copies: []store.Copy{{Account: bob.ID, Trace: []byte(trace)}}})
}

// accept has the store take a letter.
func accept(t *testing.T, st *store.Store, text string, d store.Delivery) {
	t.Helper()
	d.Body = st.NewBody(t.Context())
	_, err := io.WriteString(d.Body, text)
	check(t, err)
	_, err = st.Accept(t.Context(), d)
	check(t, err)
}

// messagesOf is what the page lists of hamburger.edu.
func messagesOf(t *testing.T, h http.Handler) (list Messages) {
	t.Helper()
	check(t, json.Unmarshal(serve(h, request("GET", "/messages?server=hamburger.edu", "")).Body.Bytes(), &list))
	return list
}

// TestMessage takes a letter apart, and compares with a golden file.
func TestMessage(t *testing.T) {
	h, _, st, _ := newPage(t)
	deliverBob(t, st, letter, "Return-Path: <list@crepes.fr>\r\nDelivered-To: bob@hamburger.edu\r\n")
	list := messagesOf(t, h)
	if len(list.Messages) != 1 || list.Messages[0].Subject != "Bữa trưa" {
		t.Fatalf("%+v", list)
	}
	w := serve(h, request("GET", "/message?server=hamburger.edu&id="+list.Messages[0].ID, ""))
	if bytes.ContainsAny(w.Body.Bytes(), "<>") {
		t.Error("the answer has angle brackets that are not escaped")
	}
	var m map[string]any
	check(t, json.Unmarshal(w.Body.Bytes(), &m))
	for _, moving := range []string{"arrived", "raw"} {
		delete(m, moving)
	}
	original := m["original"].(map[string]any)
	if original["after"].(float64) <= 0 {
		t.Errorf("delivered %v seconds after", original["after"])
	}
	delete(original, "after")
	delete(original, "delivered")
	got, err := json.MarshalIndent(m, "", " ")
	check(t, err)
	golden.Compare(t, "testdata/message.golden", got)
}

// TestQueued: what waits in the queue is listed and taken apart, with the
// envelope that it waits with.
func TestQueued(t *testing.T) {
	h, _, st, _ := newPage(t)
	out := &store.Outbound{From: mail.Address{Local: "bob", Domain: "hamburger.edu"}}
	for _, local := range []string{"alice", "carol"} {
		out.Recipients = append(out.Recipients, mail.Recipient{Address: mail.Address{Local: local, Domain: "crepes.fr"}})
	}
	accept(t, st, "From: Bob <bob@hamburger.edu>\r\nTo: alice@crepes.fr\r\nSubject: <b>Later</b>\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n\r\nwait\r\n", store.Delivery{Queue: out})
	list := messagesOf(t, h)
	if len(list.Messages) != 1 || list.Messages[0].Subject != "<b>Later</b>" || strings.Join(list.Messages[0].Waiting, " ") != "alice@crepes.fr carol@crepes.fr" {
		t.Fatalf("%+v", list)
	}
	id := list.Messages[0].ID
	var m Message
	check(t, json.Unmarshal(serve(h, request("GET", "/message?server=hamburger.edu&id="+id, "")).Body.Bytes(), &m))
	if m.Envelope.From != "bob@hamburger.edu" || len(m.Envelope.To) != 2 || !slices.Equal(m.Envelope.Differs, []string{"to"}) {
		t.Errorf("envelope %+v", m.Envelope)
	}
	if m.Original.Created.IsZero() || !m.Original.Delivered.IsZero() || m.Original.After != 0 || m.Tree.Type != "text/plain" || m.RawTotal != m.Octets {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"q", "q0", "q-1", "q999", "qx"} {
		if w := serve(h, request("GET", "/message?server=hamburger.edu&id="+bad, "")); w.Code != 404 {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
}

// TestListsAreBounded: fifty accounts are shown, the newest two hundred of their
// messages and fifty of those that wait, and a hundred of the queue's entries.
func TestListsAreBounded(t *testing.T) {
	h, _, st, _ := newPage(t)
	var d store.Delivery
	for i := range 51 {
		a, err := st.AddAccount(t.Context(), mail.Address{Local: fmt.Sprintf("a%02d", i), Domain: "hamburger.edu"}, nil)
		check(t, err)
		d.Copies = append(d.Copies, store.Copy{Account: a.ID})
	}
	letters := func(want int) {
		t.Helper()
		if n := len(messagesOf(t, h).Messages); n != want {
			t.Errorf("%d messages are listed, not %d", n, want)
		}
	}
	text := "Subject: " + strings.Repeat("x", 600) + "\r\n\r\ntext\r\n"
	accept(t, st, text, d)
	letters(50)
	if n := len(messagesOf(t, h).Messages[0].Subject); n != 500 {
		t.Errorf("%d octets of a subject", n)
	}
	to := []mail.Recipient{{Address: mail.Address{Local: "alice", Domain: "crepes.fr"}}, {Address: mail.Address{Local: "carol", Domain: "crepes.fr"}}}
	for range 51 {
		accept(t, st, text, store.Delivery{Queue: &store.Outbound{Recipients: to}})
	}
	letters(100)
	var s class.State
	check(t, json.Unmarshal(serve(h, request("GET", "/state", "")).Body.Bytes(), &s))
	if seen := &s.Servers[0]; len(seen.Accounts) != 50 || len(seen.Queue) != 100 || seen.QueueSize != 102 {
		t.Errorf("%d accounts, %d entries of %d", len(seen.Accounts), len(seen.Queue), seen.QueueSize)
	}
	for range 3 {
		accept(t, st, text, d)
	}
	letters(200)
}

// TestEpoch: each room says which life of the server it is.
func TestEpoch(t *testing.T) {
	var lives [2]class.State
	for i := range lives {
		h, _, _, _ := newPage(t)
		check(t, json.Unmarshal(serve(h, request("GET", "/state", "")).Body.Bytes(), &lives[i]))
	}
	if lives[0].Epoch == "" || lives[0].Epoch == lives[1].Epoch {
		t.Errorf("epochs %q and %q", lives[0].Epoch, lives[1].Epoch)
	}
}

func TestBase64Steps(t *testing.T) {
	s := base64Steps([]byte("SGVs\r\nbG8gaOk=\r\n"), false, "iso-8859-1")
	var got []string
	for _, g := range s.Groups {
		got = append(got, fmt.Sprint(g.Chars, " ", g.Sextets, " ", g.Bits, " ", g.Octets, " ", g.Pad))
	}
	want := []string{
		"SGVs [18 6 21 44] 010010000110010101101100 [72 101 108] 0",
		"bG8g [27 6 60 32] 011011000110111100100000 [108 111 32] 0",
		"aOk= [26 14 36] 0110100011101001 [104 233] 1",
	}
	if !slices.Equal(got, want) || s.Text != "Hello hé" || s.More {
		t.Errorf("%q, %q, %v", got, s.Text, s.More)
	}
	s = base64Steps([]byte(strings.Repeat("SGVs", 1000)), true, "")
	if len(s.Groups) != 32 || !s.More || len(s.Lines) != 1 || len(s.Lines[0]) != 1000 {
		t.Errorf("a long line: %d groups, %d lines", len(s.Groups), len(s.Lines))
	}
	s = base64Steps([]byte(strings.Repeat("SGVs\r\n", 5)), false, "")
	q := quotedSteps([]byte(strings.Repeat("a=41", 51)), false, "")
	if len(s.Groups) != 4 || len(s.Lines) != 4 || !s.More || len(q.Tokens) != 100 || !q.More {
		t.Errorf("%d groups in %d lines, %d tokens", len(s.Groups), len(s.Lines), len(q.Tokens))
	}
	for _, bad := range []string{"", "====", "A===", "S=GV", "SGV", "\x00\xff"} {
		if s := base64Steps([]byte(bad), false, "utf-8"); len(s.Groups) != 0 {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

// FuzzSteps decodes anything step by step: the tokens are the text.
func FuzzSteps(f *testing.F) {
	f.Add([]byte("Xin ch=C3=A0o =\r\nBob=ZZ\r\n"), "utf-8")
	f.Add([]byte("SGVs\r\nbG8="), "iso-8859-1")
	f.Fuzz(func(t *testing.T, b []byte, charset string) {
		q := quotedSteps(b, false, charset)
		_, text, _ := sampleLines(b)
		var raw strings.Builder
		for _, token := range q.Tokens {
			raw.WriteString(token.Raw)
		}
		if len(q.Tokens) < maxTokens && len(text) < maxValue && raw.String() != strings.ToValidUTF8(text, "\uFFFD") && strings.ToValidUTF8(text, "") == text {
			t.Errorf("%q becomes %q", text, raw.String())
		}
		for _, g := range base64Steps(b, false, charset).Groups {
			if len(g.Bits) != 8*len(g.Octets) || len(g.Octets)+g.Pad != 3 {
				t.Errorf("%+v", g)
			}
		}
	})
}

package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
	"posthorn/store"
)

// TestCourseFigure5 is a text without any header, submitted.
func TestCourseFigure5(t *testing.T) {
	o := newOffice(t)
	id := o.accept(o.submitter(), envelope("alice@crepes.fr", "alice@crepes.fr"), "I love Computer Network\r\n")
	want := strings.ReplaceAll(`Return-Path: <alice@crepes.fr>
Delivered-To: alice@crepes.fr
Received: from ComputerNetwork ([14.226.229.50])
	by mail.crepes.fr with ESMTPSA id {id}
	(version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384)
	for <alice@crepes.fr>;
	Mon, 30 Nov 2020 20:27:32 -0800
Message-ID: <{id}@mail.crepes.fr>
Date: Mon, 30 Nov 2020 20:27:32 -0800
From: alice@crepes.fr

I love Computer Network
`, "{id}", id)
	if diff := cmp.Diff([]string{strings.ReplaceAll(want, "\n", "\r\n")}, o.inbox("alice")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !regexp.MustCompile(`^[a-z2-7]{16}$`).MatchString(id) {
		t.Errorf("id %q", id)
	}
}

// TestPort25ChangesNothing: whatever comes is stored as it came, after the
// fields that are put in front, and after the blank line that ends these where
// a text has no header of its own.
func TestPort25ChangesNothing(t *testing.T) {
	o := newOffice(t)
	bodies := []string{"", "\r\n", "Subject: x\r\n", "Subject: x\r\n\r\n", "\r\n\r\n\r\n",
		"Subject: \xff\r\n\r\n\x80\r\n", strings.Repeat("X: y\r\n", 100_000),
		"From a@b.c Sun Nov 22 2026\r\nSubject: from an mbox\r\n\r\nx", " stray\r\nTo: x@y.z\r\n\r\nx"}
	headless := []string{"no header", "Do you like ketchup?\r\nHow about pickles?\r\n", ": odd\r\n\r\nx", "  indented\r\n", strings.Repeat("long", 300_000)}
	for _, body := range bodies {
		o.accept(stranger(), envelope("x@example.com", "bob@crepes.fr"), body)
	}
	for _, body := range headless {
		o.accept(stranger(), envelope("x@example.com", "bob@crepes.fr"), body)
		bodies = append(bodies, "\r\n"+body) // the blank line ends what was put in front
	}
	for i, got := range o.inbox("bob") {
		trace, rest, _ := strings.Cut(got, ";\r\n\tMon, 30 Nov 2020 20:27:32 -0800\r\n")
		if rest != bodies[i] || !strings.HasPrefix(trace, "Return-Path: <x@example.com>\r\nDelivered-To: bob@crepes.fr\r\nReceived: from mx.example.com ([192.0.2.9])\r\n\tby mail.crepes.fr with ESMTP id ") {
			t.Errorf("%.60q came back as %.300q", bodies[i], got)
		}
	}
}

func TestReceived(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client Client
		to     []string
		utf8   bool
		want   string
	}{
		{"IPv6", Client{Remote: netip.MustParseAddr("2001:db8::1%eth0"), Helo: "a.b", Protocol: "SMTP"}, []string{"x@y.z"}, false,
			"from a.b ([IPv6:2001:db8::1])|by h with SMTP id i|for <x@y.z>;"},
		{"mapped IPv4", Client{Remote: netip.MustParseAddr("::ffff:192.0.2.1"), Helo: "a.b", Protocol: "SMTP"}, []string{"x@y.z", "x@y.z"}, false,
			"from a.b ([192.0.2.1])|by h with SMTP id i;"},
		{"literal HELO", Client{Remote: netip.MustParseAddr("192.0.2.1"), Helo: "[192.0.2.7]", Protocol: "SMTP"}, nil, false,
			"from [192.0.2.7] ([192.0.2.1])|by h with SMTP id i;"},
		{"injecting HELO", Client{Remote: netip.MustParseAddr("192.0.2.1"), Helo: "a\r\nX-Evil: 1 (", Protocol: "SMTP"}, nil, false,
			"from [192.0.2.1] ([192.0.2.1])|by h with SMTP id i;"},
		{"no address", Client{Helo: "x y", Protocol: "SMTP"}, nil, false, "from [0.0.0.0] ([0.0.0.0])|by h with SMTP id i;"},
		{"UTF-8 without SMTPUTF8", Client{Remote: netip.MustParseAddr("192.0.2.1"), Helo: "a", Protocol: "SMTP"}, []string{"hồ@phở.vn"}, false,
			"from a ([192.0.2.1])|by h with SMTP id i;"},
		{"UTF-8", Client{Remote: netip.MustParseAddr("192.0.2.1"), Helo: "a", Protocol: "UTF8SMTP"}, []string{"hồ@phở.vn"}, true,
			"from a ([192.0.2.1])|by h with UTF8SMTP id i|for <hồ@phở.vn>;"},
		{"quoted", Client{Remote: netip.MustParseAddr("192.0.2.1"), Helo: "a", Protocol: "SMTP"}, []string{`"a> b"@c.d`}, false,
			`from a ([192.0.2.1])|by h with SMTP id i|for <"a> b"@c.d>;`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := envelope("", tt.to...)
			env.UTF8 = tt.utf8
			want := "Received: " + strings.ReplaceAll(tt.want, "|", "\r\n\t") + "\r\n\tMon, 30 Nov 2020 20:27:32 -0800\r\n"
			if diff := cmp.Diff(want, string(received("h", &tt.client, env, "i", now))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMissingFields(t *testing.T) {
	const id, date, from = "Message-ID: <i@h>\r\n", "Date: Mon, 30 Nov 2020 20:27:32 -0800\r\n", "From: a@b.c\r\n"
	for _, tt := range []struct{ body, want string }{
		{"Date: x\r\nMessage-ID: <x>\r\nFrom: x\r\n\r\nbody", ""},
		{"DATE : x\r\nmessage-id\t:\r\n <x>\r\nfRoM:x\r\n\r\n", ""},
		{"Subject: x\r\n\r\nDate: in the body\r\n", id + date + from},
		{"Subject: x\r\n Date: folded\r\nFrom: x\r\n", id + date},
		{"X-Date: x\r\nDate-X: y\r\n\r\n", id + date + from},
		{"\r\nFrom: in the body\r\n", id + date + from},
		{"hello\r\n", id + date + from + "\r\n"},
		{"", id + date + from + "\r\n"},
		{" starts with a blank: x\r\n\r\n", id + date + from + "\r\n"},
		{"two words: x\r\n\r\n", id + date + from + "\r\n"},
		{"Subject: x\r\n" + strings.Repeat("X: y\r\n", 60_000) + "\r\nbody", ""},
		{strings.Repeat("x", 360_000), id + date + from + "\r\n"},
	} {
		r := strings.NewReader(tt.body)
		h, err := readHead(r, maxHeader)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(h.missingFields(addr("a@b.c"), "i@h", now))); diff != "" {
			t.Errorf("%.40q (-want +got)\n%s", tt.body, diff)
		}
		if rest, err := io.ReadAll(h.rest(r)); err != nil || string(rest) != tt.body {
			t.Errorf("%.40q is read as %.40q, %v", tt.body, rest, err)
		}
	}
}

func FuzzReadHead(f *testing.F) {
	for _, s := range []string{"", "\r\n", "a: b\r\n\r\nc", "a: b\r\n\r", "x"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, limit uint8) {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
			r := wrap(bytes.NewReader(body))
			h, err := readHead(r, int(limit)+1)
			if err != nil {
				t.Fatal(err)
			}
			if h.end > len(h.data) || !h.cut && !h.whole && h.end < len(h.data) && !bytes.HasSuffix(h.data[:h.end], []byte("\r\n")) {
				t.Errorf("head %+v of %q", h, body)
			}
			h.missingFields(mail.Address{}, "", now)
			if rest, err := io.ReadAll(h.rest(r)); err != nil || !bytes.Equal(rest, body) {
				t.Errorf("%q is read as %q, %v", body, rest, err)
			}
		}
	})
}

func TestAcceptNeedsTheEnd(t *testing.T) {
	o := newOffice(t)
	errBroken := errors.New("connection lost")
	for _, c := range []*Client{stranger(), o.submitter()} {
		for _, size := range []int{0, 10, 100_000, 3 << 20} {
			body := io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), io.LimitReader(zeros{}, int64(size)), iotest.ErrReader(errBroken))
			if _, err := o.Accept(t.Context(), c, envelope("alice@crepes.fr", "bob@crepes.fr"), body); !errors.Is(err, errBroken) {
				t.Errorf("size %d: %v", size, err)
			}
		}
	}
	if n := len(o.inbox("bob")); n != 0 {
		t.Errorf("%d messages were stored", n)
	}
}

// TestAcceptEndWithOctets: a reader may tell of the end with the last octets.
func TestAcceptEndWithOctets(t *testing.T) {
	o := newOffice(t)
	const body = "Subject: x\r\n\r\nHello.\r\n"
	for _, c := range []*Client{stranger(), o.submitter()} {
		if _, err := o.Accept(t.Context(), c, envelope("alice@crepes.fr", "bob@crepes.fr"), iotest.DataErrReader(strings.NewReader(body))); err != nil {
			t.Error(err)
		}
	}
	for _, m := range o.inbox("bob") {
		if !strings.HasSuffix(m, body) {
			t.Errorf("%q", m)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestLoop(t *testing.T) {
	o := newOffice(t)
	hops := func(n int) string { return strings.Repeat("Received: by x;\r\n", n) + "\r\nbody\r\n" }
	o.accept(stranger(), envelope("", "bob@crepes.fr"), hops(99))
	_, err := o.Accept(t.Context(), stranger(), envelope("", "bob@crepes.fr"), strings.NewReader(hops(100)))
	if !errors.Is(err, mail.ErrLoop) {
		t.Errorf("after 100 hops: %v", err)
	}
}

func TestSenderAndRecipient(t *testing.T) {
	o := newOffice(t)
	o.alias("sales@crepes.fr", "alice@crepes.fr")
	o.alias("away@crepes.fr", "x@example.org")
	if err := o.Store.SetDisabled(t.Context(), o.accounts["carol"].ID, true); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		client *Client
		from   string
		kind   error
	}{
		{stranger(), "anybody@example.com", nil},
		{stranger(), "", nil},
		{o.submitter(), "alice@crepes.fr", nil},
		{o.submitter(), "Alice+tag@CREPES.FR", nil},
		{o.submitter(), "sales@crepes.fr", nil},
		{o.submitter(), "", nil},
		{o.submitter(), "bob@crepes.fr", mail.ErrNotPermitted},
		{o.submitter(), "alice@example.com", mail.ErrNotPermitted},
		{o.submitter(), "nobody@crepes.fr", mail.ErrNotPermitted},
	} {
		if err := o.Sender(t.Context(), tt.client, envelope(tt.from).From); !errors.Is(err, tt.kind) || tt.kind == nil && err != nil {
			t.Errorf("Sender(%q, account %d) = %v, want %v", tt.from, tt.client.Account, err, tt.kind)
		}
	}
	for _, tt := range []struct {
		client *Client
		to     string
		kind   error
	}{
		{stranger(), "bob@crepes.fr", nil},
		{stranger(), "bob+x@crepes.fr", nil},
		{stranger(), "away@crepes.fr", nil},
		{stranger(), "nobody@crepes.fr", mail.ErrNoSuchUser},
		{stranger(), "carol@crepes.fr", mail.ErrDisabled},
		{stranger(), "x@example.org", mail.ErrNotLocal},
		{o.submitter(), "x@example.org", nil},
		{o.submitter(), "nobody@crepes.fr", mail.ErrNoSuchUser},
	} {
		err := o.Recipient(t.Context(), tt.client, envelope(""), mail.Recipient{Address: addr(tt.to)})
		if !errors.Is(err, tt.kind) || tt.kind == nil && err != nil {
			t.Errorf("Recipient(%q, account %d) = %v, want %v", tt.to, tt.client.Account, err, tt.kind)
		}
	}
}

// TestKeeper: whoever answers a report is heard (RFC 3464 §2), and so is who
// writes to the postmaster of the server's name.
func TestKeeper(t *testing.T) {
	o := newOffice(t)
	const letter = "From: x\r\nSubject: y\r\n\r\nbody\r\n"
	to := []string{"MAILER-DAEMON@mail.crepes.fr", "postmaster@MAIL.crepes.fr"}
	for _, c := range []*Client{stranger(), o.submitter()} {
		o.accept(c, envelope("x@example.com", to...), letter)
		for address, kind := range map[string]error{"alice@mail.crepes.fr": mail.ErrNotLocal, "mailer-daemon@crepes.fr": mail.ErrNoSuchUser} {
			if c.Account != 0 && kind == mail.ErrNotLocal {
				continue // it is relayed
			}
			if err := o.Recipient(t.Context(), c, envelope(""), mail.Recipient{Address: addr(address)}); !errors.Is(err, kind) {
				t.Errorf("Recipient(%q) = %v, want %v", address, err, kind)
			}
		}
	}
	if got := o.inbox("alice"); len(got) != 2 || !strings.Contains(got[0], "Delivered-To: MAILER-DAEMON@mail.crepes.fr\r\n") {
		t.Errorf("the first account has %q", got)
	}
	// The server's name is a domain with mail of its own.
	if err := o.Store.AddDomain(t.Context(), "mail.crepes.fr"); err != nil {
		t.Fatal(err)
	}
	o.alias("postmaster@mail.crepes.fr", "bob@crepes.fr")
	o.alias("postmaster@crepes.fr", "alice@crepes.fr")
	o.accept(stranger(), envelope("x@example.com", to...), letter)
	if bob, alice := o.inbox("bob"), o.inbox("alice"); len(bob) != 1 || len(alice) != 2 {
		t.Errorf("the postmaster has %q, the first account %q", bob, alice)
	}
}

func TestQuota(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	for _, name := range []string{"bob", "carol"} {
		if err := o.Store.SetQuota(ctx, o.accounts[name].ID, store.Quota{Bytes: 5000}); err != nil {
			t.Fatal(err)
		}
	}
	env := envelope("x@example.com")
	env.Size = 6000
	if err := o.Recipient(ctx, stranger(), env, mail.Recipient{Address: addr("bob@crepes.fr")}); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("RCPT with SIZE: %v", err)
	}
	large := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", 500)
	for _, to := range [][]string{{"bob@crepes.fr"}, {"bob@crepes.fr", "carol@crepes.fr"}} {
		_, err := o.Accept(ctx, stranger(), envelope("x@example.com", to...), strings.NewReader(large))
		if !errors.Is(err, mail.ErrOverQuota) {
			t.Errorf("to %v: %v", to, err)
		}
	}
	// One of them has room: everybody gets it.
	o.accept(stranger(), envelope("x@example.com", "bob@crepes.fr", "alice@crepes.fr"), large)
	if len(o.inbox("bob")) != 1 || len(o.inbox("alice")) != 1 {
		t.Error("not delivered to both")
	}
	o.accept(stranger(), envelope("x@example.com", "alice@crepes.fr", "carol@crepes.fr"), large)
	if len(o.inbox("carol")) != 1 {
		t.Error("not delivered to the one without room, who comes last")
	}
	// So it is behind an alias.
	if err := o.Store.SetQuota(ctx, o.accounts["carol"].ID, store.Quota{Bytes: 50_000}); err != nil {
		t.Fatal(err)
	}
	for i, targets := range [][]string{{"bob@crepes.fr", "alice@crepes.fr"}, {"carol@crepes.fr", "bob@crepes.fr"}, {"bob@crepes.fr", "x@example.org"}} {
		alias := fmt.Sprintf("some%d@crepes.fr", i)
		o.alias(alias, targets...)
		if err := o.Recipient(ctx, stranger(), env, mail.Recipient{Address: addr(alias)}); err != nil {
			t.Errorf("RCPT TO:<%s>: %v", alias, err)
		}
	}
}

func TestExpand(t *testing.T) {
	o := newOffice(t)
	o.alias("team@crepes.fr", "alice@crepes.fr", "bob@crepes.fr", "x@example.org", "y@example.org")
	o.alias("solo@crepes.fr", "x@example.org")
	env := envelope("sender@example.com", "team@crepes.fr", "bob+tag@crepes.fr", "solo@crepes.fr", "X@example.org", "x@EXAMPLE.org")
	env.Return, env.EnvelopeID, env.RequireTLS = mail.ReturnHeaders, "e1", true
	env.To[0].Notify, env.To[0].OriginalType, env.To[0].Original = mail.NotifySuccess, "rfc822", "t@x"
	env.To[2].Notify = mail.NotifySuccess | mail.NotifyFailure
	c := o.submitter()
	o.accept(c, env, "From: x\r\nDate: y\r\nMessage-ID: <z>\r\n\r\nbody\r\n")

	for name, to := range map[string]string{"alice": "team@crepes.fr", "bob": "team@crepes.fr"} {
		got := o.inbox(name)
		if len(got) != 1 || !strings.HasPrefix(got[0], "Return-Path: <sender@example.com>\r\nDelivered-To: "+to+"\r\n") || strings.Contains(got[0], "\tfor <") {
			t.Errorf("%s has %.300q", name, got)
		}
	}
	var got []string
	for _, e := range o.queued() {
		if e.Envelope.From.IsNull() {
			continue
		}
		got = append(got, fmt.Sprintf("%s %s %s", e.To.Address, e.To.Notify, e.To.Original))
		want := store.Outbound{From: addr("sender@example.com"), Account: c.Account, Body: mail.Body7Bit, RequireTLS: true, Return: mail.ReturnHeaders, EnvelopeID: "e1"}
		if diff := cmp.Diff(want, e.Envelope); diff != "" {
			t.Errorf("envelope (-want +got)\n%s", diff)
		}
	}
	// The team's addresses come first, without SUCCESS; solo's is among them.
	want := []string{"x@example.org NEVER t@x", "y@example.org NEVER t@x", "X@example.org  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queue (-want +got)\n%s", diff)
	}
}

// TestSuccessReports: NOTIFY=SUCCESS of what ends here.
func TestSuccessReports(t *testing.T) {
	o := newOffice(t)
	o.alias("team@crepes.fr", "bob@crepes.fr", "carol@crepes.fr")
	env := envelope("alice@crepes.fr", "bob@crepes.fr", "team@crepes.fr", "carol@crepes.fr")
	env.To[0].Notify, env.To[1].Notify = mail.NotifySuccess, mail.NotifySuccess|mail.NotifyFailure
	o.accept(o.submitter(), env, "From: x\r\nSubject: hi\r\nMessage-ID: <m@x>\r\n\r\ncontent\r\n")
	got := o.inbox("alice")
	if len(got) != 2 {
		t.Fatalf("alice has %d messages", len(got))
	}
	for i, want := range [][]string{
		{"Return-Path: <>\r\n", "Action: delivered", "Final-Recipient: rfc822; bob@crepes.fr", "In-Reply-To: <m@x>", "Status: 2."},
		{"Return-Path: <>\r\n", "Action: expanded", "Final-Recipient: rfc822; team@crepes.fr"},
	} {
		for _, w := range want {
			if !strings.Contains(got[i], w) {
				t.Errorf("report %d lacks %q:\n%s", i, w, got[i])
			}
		}
		if strings.Contains(got[i], "carol") || strings.Contains(got[i], "content\r\n") {
			t.Errorf("report %d says too much:\n%s", i, got[i])
		}
	}
	// To a sender elsewhere it goes through the queue.
	env = envelope("s@example.com", "bob@crepes.fr")
	env.To[0].Notify = mail.NotifySuccess
	o.accept(stranger(), env, "Subject: hi\r\n\r\n")
	q := o.queued()
	if len(q) != 1 || !q[0].Envelope.From.IsNull() || q[0].To.Address != addr("s@example.com") || q[0].To.Notify != mail.NotifyNever {
		t.Errorf("queue: %+v", q)
	}
	// Nobody is told about a message from <>, and a sender that is not there
	// is no reason to refuse.
	for _, from := range []string{"", "nobody@crepes.fr"} {
		env := envelope(from, "bob@crepes.fr")
		env.To[0].Notify = mail.NotifySuccess
		o.accept(stranger(), env, "Subject: hi\r\n\r\n")
	}
	if len(o.queued()) != 1 || len(o.inbox("bob")) != 4 {
		t.Errorf("%d queued, bob has %d", len(o.queued()), len(o.inbox("bob")))
	}
}

func TestQueuedForm(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		declared mail.BodyType
		utf8     bool
		body     string
		want     mail.BodyType
		wantUTF8 bool
	}{
		{mail.Body8BitMIME, true, "Subject: x\r\n\r\nascii\r\n", mail.Body7Bit, false},
		{"", false, "Subject: x\r\n\r\ncaf\xe9\r\n", mail.Body8BitMIME, false},
		{mail.Body8BitMIME, true, "Subject: café\r\n\r\nx\r\n", mail.Body8BitMIME, true},
		{mail.Body8BitMIME, false, "Subject: café\r\n\r\nx\r\n", mail.Body8BitMIME, false},
		{mail.BodyBinaryMIME, false, "Subject: x\r\n\r\n\x00\n", mail.BodyBinaryMIME, false},
		{mail.BodyBinaryMIME, false, "Subject: x\r\n\r\nascii\r\n", mail.Body7Bit, false},
		{mail.Body7Bit, false, "Subject: x\r\n\r\n" + strings.Repeat("x", 2000) + "\r\n", mail.Body7Bit, false},
	} {
		before := len(o.queued())
		env := envelope("alice@crepes.fr", "x@example.org")
		env.Body, env.UTF8 = tt.declared, tt.utf8
		o.accept(o.submitter(), env, tt.body)
		e := o.queued()[before].Envelope
		if e.Body != tt.want || e.UTF8 != tt.wantUTF8 {
			t.Errorf("%.30q declared %s is queued as %s, UTF8 %v", tt.body, tt.declared, e.Body, e.UTF8)
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	o := newOffice(b)
	body := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 280)
	c := stranger()
	b.SetBytes(int64(len(body)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := o.Accept(b.Context(), c, envelope("x@example.com", "bob@crepes.fr"), strings.NewReader(body)); err != nil {
				b.Error(err)
			}
		}
	})
}

package relay

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

// commands are MAIL and RCPT of the messages that the hop got.
func commands(h *fakeHop) (list []string) {
	for _, m := range h.saw().got {
		list = append(append(list, m.from), m.to...)
	}
	return list
}

func TestDSN(t *testing.T) {
	m := outgoing(message, "a@hamburger.edu", "b@hamburger.edu", "c@hamburger.edu", "d@hamburger.edu")
	m.Return, m.EnvelopeID = mail.ReturnHeaders, "QQ+31=4 1"
	m.To[0].Notify, m.To[0].OriginalType, m.To[0].Original = mail.NotifySuccess|mail.NotifyDelay, "rfc822", "Bob+x@Hamburger.EDU"
	m.To[1].Notify, m.To[1].OriginalType, m.To[1].Original = mail.NotifyNever, "x400", "/c=us/o=a b/"
	m.To[2].OriginalType, m.To[2].Original = "UTF-8", "hồ@phở.vn"
	for _, tt := range []struct {
		offers []string
		want   []string
		dsn    bool
	}{
		{[]string{"DSN", "PIPELINING", "SIZE"}, []string{"MAIL FROM:<alice@crepes.fr> SIZE=53 RET=HDRS ENVID=QQ+2B31+3D4+201",
			"RCPT TO:<a@hamburger.edu> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@Hamburger.EDU",
			"RCPT TO:<b@hamburger.edu> NOTIFY=NEVER ORCPT=x400;/c+3Dus/o+3Da+20b/",
			`RCPT TO:<c@hamburger.edu> ORCPT=utf-8;h\x{1ED3}@ph\x{1EDF}.vn`, "RCPT TO:<d@hamburger.edu>"}, true},
		{nil, []string{"MAIL FROM:<alice@crepes.fr>", "RCPT TO:<a@hamburger.edu>", "RCPT TO:<b@hamburger.edu>", "RCPT TO:<c@hamburger.edu>", "RCPT TO:<d@hamburger.edu>"}, false},
	} {
		h := &fakeHop{offers: tt.offers}
		results, _ := deliver(t, h.listen(t), m)
		if diff := cmp.Diff(tt.want, commands(h)); diff != "" {
			t.Errorf("%v (-want +got)\n%s", tt.offers, diff)
		}
		for _, res := range results[0] {
			if res.DSN != tt.dsn {
				t.Errorf("%v: DSN %v", tt.offers, res.DSN)
			}
		}
	}
}

func TestSMTPUTF8(t *testing.T) {
	const needs = "the address needs SMTPUTF8, which the server does not offer"
	both := []string{"8BITMIME", "SMTPUTF8"}
	for _, tt := range []struct {
		name     string
		offers   []string
		from, to string
		header   bool
		want     string
		commands []string
	}{
		{"not needed", both, "a@b.c", "d@e.f", false, "relayed 250 2.6.0 kept", []string{"MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>"}},
		{"recipient", both, "a@b.c", "hồ@phở.vn", false, "relayed 250 2.6.0 kept", []string{"MAIL FROM:<a@b.c> SMTPUTF8", "RCPT TO:<hồ@phở.vn>"}},
		{"sender", both, "hồ@phở.vn", "d@e.f", false, "relayed 250 2.6.0 kept", []string{"MAIL FROM:<hồ@phở.vn> SMTPUTF8", "RCPT TO:<d@e.f>"}},
		{"header", both, "a@b.c", "d@e.f", true, "relayed 250 2.6.0 kept", []string{"MAIL FROM:<a@b.c> SMTPUTF8", "RCPT TO:<d@e.f>"}},
		{"recipient, not offered", nil, "a@b.c", "hồ@phở.vn", false, "failed 0 5.6.7 " + needs, nil},
		{"sender, not offered", nil, "hồ@phở.vn", "d@e.f", false, "failed 0 5.6.7 the sender's address needs SMTPUTF8, which the server does not offer", nil},
		{"header, not offered", nil, "a@b.c", "d@e.f", true, "failed 0 5.6.7 the message's header needs SMTPUTF8, which the server does not offer", nil},
		{"domain alone", nil, "a@phở.vn", "b@phở.vn", false, "relayed 250 2.6.0 kept", []string{"MAIL FROM:<a@xn--ph-gv9a.vn>", "RCPT TO:<b@xn--ph-gv9a.vn>"}},
		{"without 8BITMIME it is none", []string{"SMTPUTF8"}, "a@b.c", "hồ@phở.vn", false, "failed 0 5.6.7 " + needs, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &fakeHop{offers: tt.offers}
			m := outgoing(message, tt.to)
			m.From, m.UTF8 = addr(tt.from), tt.header
			results, _ := deliver(t, h.listen(t), m)
			wantResults(t, results, []string{tt.want})
			got := commands(h)
			if len(got) > 0 && strings.Contains(got[0], "xn--") {
				got[0] = strings.Replace(got[0], mail.DomainKey("phở.vn"), "xn--ph-gv9a.vn", 1)
				got[1] = strings.Replace(got[1], mail.DomainKey("phở.vn"), "xn--ph-gv9a.vn", 1)
			}
			if diff := cmp.Diff(tt.commands, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestUTF8ForSome: the others get the message all the same.
func TestUTF8ForSome(t *testing.T) {
	h := &fakeHop{offers: []string{"PIPELINING"}}
	results, _ := deliver(t, h.listen(t), outgoing(message, "hồ@phở.vn", "a@b.c"))
	wantResults(t, results, []string{"failed 0 5.6.7 the address needs SMTPUTF8, which the server does not offer", "relayed 250 2.6.0 kept"})
}

func TestSize(t *testing.T) {
	for size, want := range map[string]string{"SIZE 52": "failed 0 5.3.4 the message is larger than the server takes", "SIZE 53": "relayed 250 2.6.0 kept",
		"SIZE 0": "relayed 250 2.6.0 kept", "SIZE": "relayed 250 2.6.0 kept", "SIZE 99999999999999999999": "relayed 250 2.6.0 kept"} {
		h := &fakeHop{offers: []string{size}}
		results, _ := deliver(t, h.listen(t), outgoing(message, "a@b.c"))
		wantResults(t, results, []string{want})
	}
}

// TestConversion: what a hop gets that does not take all that there is.
func TestConversion(t *testing.T) {
	const header = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	const signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\né\r\n--b\r\n\r\nsig\r\n--b--\r\n"
	parts := func(encoding, last string) string {
		return "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\né\r\n" +
			"--b\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + last + "\r\n--b--\r\n"
	}
	for _, tt := range []struct {
		name   string
		offers []string
		body   mail.BodyType
		data   string
		want   string
		mail   string
		got    string
	}{
		{"8-bit to 8-bit", []string{"8BITMIME", "SIZE"}, mail.Body8BitMIME, header + "8bit\r\n\r\né\r\n", "relayed 250 2.6.0 kept", " BODY=8BITMIME SIZE=99", header + "8bit\r\n\r\né\r\n"},
		{"7-bit to 8-bit", []string{"8BITMIME"}, mail.Body7Bit, header + "7bit\r\n\r\ne\r\n", "relayed 250 2.6.0 kept", "", header + "7bit\r\n\r\ne\r\n"},
		{"8-bit to 7-bit", []string{"SIZE"}, mail.Body8BitMIME, header + "8bit\r\n\r\né\r\n", "relayed 250 2.6.0 kept", "", header + "quoted-printable\r\n\r\n=C3=A9\r\n"},
		{"binary to 8-bit", []string{"8BITMIME", "BINARYMIME"}, mail.BodyBinaryMIME, header + "binary\r\n\r\né\n\x00", "relayed 250 2.6.0 kept", "", header + "quoted-printable\r\n\r\n=C3=A9=0A=00\r\n"},
		{"a binary part to 8-bit", []string{"8BITMIME"}, mail.BodyBinaryMIME, parts("binary", "a\x00"), "relayed 250 2.6.0 kept", " BODY=8BITMIME", parts("quoted-printable", "a=00")},
		{"binary to 7-bit", nil, mail.BodyBinaryMIME, header + "binary\r\n\r\né\n\x00", "relayed 250 2.6.0 kept", "", header + "quoted-printable\r\n\r\n=C3=A9=0A=00\r\n"},
		{"signed to 7-bit", nil, mail.Body8BitMIME, signed, "failed 0 5.6.3 the server takes only 7-bit messages: it cannot be converted: what is signed or encrypted must stay as it is", "", ""},
		{"signed to 8-bit", []string{"8BITMIME"}, mail.Body8BitMIME, signed, "relayed 250 2.6.0 kept", " BODY=8BITMIME", signed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &fakeHop{offers: tt.offers}
			m := outgoing(tt.data, "a@b.c")
			m.Body = tt.body
			results, _ := deliver(t, h.listen(t), m)
			wantResults(t, results, []string{tt.want})
			if tt.got == "" {
				return
			}
			if got := h.saw().got[0]; got.data != tt.got || got.from != "MAIL FROM:<alice@crepes.fr>"+tt.mail {
				t.Errorf("%s\n%s", got.from, got.data)
			}
		})
	}
}

// TestPipelining: a transaction's commands leave together, and the message
// after the reply to DATA.
func TestPipelining(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		conn := theirs
		defer conn.Close()
		conn.Write([]byte("220 hop\r\n"))
		var groups []string
		buf := make([]byte, 1<<16)
		for _, reply := range []string{"250-hop\r\n250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n", "250 kept\r\n", "221 bye\r\n"} {
			n, err := conn.Read(buf)
			if err != nil {
				t.Error(err)
				return
			}
			groups = append(groups, string(buf[:n]))
			conn.Write([]byte(reply))
		}
		want := []string{"EHLO mail.crepes.fr\r\n", "MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<d@b.c>\r\nDATA\r\n", message + ".\r\n", "QUIT\r\n"}
		if diff := cmp.Diff(want, groups); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}()
	r := (&fakeHop{}).pipe()
	r.Dial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	results, _ := deliver(t, r, outgoing(message, "a@b.c", "d@b.c"))
	wantResults(t, results, []string{"relayed 250 2.0.0 kept", "failed 550 5.0.0 no"})
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "250\r\n", "250-5.1.1 x\r\n250 2.1.1 y\r\n", "999 x\r\n", "25", "\r\n", "250\x00x\r\n", "554 5.7.1 \xff\x1b[31m\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readReply(bufio.NewReaderSize(bytes.NewReader(b), maxReplyLine))
		if err != nil {
			return
		}
		s := &session{host: "hop"}
		res := s.result(r)
		checkResult(t, res)
		if r.code < 200 || r.code > 599 || len(r.lines) == 0 || !slices.Contains([]byte{'2', '3', '4', '5'}, res.Status[0]) {
			t.Errorf("%q is read as %+v", b, r)
		}
	})
}

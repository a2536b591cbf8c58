package smtpd

import (
	"strings"
	"testing"
	"unicode/utf8"

	"posthorn/internal/explain"
	"posthorn/internal/mail"
)

func TestXtext(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "a+2Bb+3Dc+20d": "a+b=c d", "+41": "A",
	} {
		if got, err := decodeXtext(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"+", "+4", "+4g", "+4a", "a=b", "a b", "+0A", "+00", "+7F", "+80", "\x80", "é"} {
		if got, err := decodeXtext(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestUnitext(t *testing.T) {
	for in, want := range map[string]string{
		"a@b": "a@b", `\x{2B}\x{3D}\x{5C}\x{20}`: `+=\ `, `\x{1B0}ời@x`: "ười@x", `\x{10FFFF}`: "\U0010ffff",
	} {
		if got, err := decodeUnitext(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"a b", "a=b", `\`, `\x`, `\x{`, `\x{}`, `\x{4}`, `\x{0D}`, `\x{7F}`, `\x{85}`, `\x{D800}`, `\x{110000}`, `\x{1234567}`, `\x{4g}`, "\x80"} {
		if got, err := decodeUnitext(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

// clean reports whether a string may go into a header field or a log line.
func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func checkRefusal(t *testing.T, command string, r reply) {
	t.Helper()
	if !explain.MayAnswer(command, r.code) || r.code < 400 || r.enhanced == "" || r.text == "" {
		t.Errorf("refused with %v", r)
	}
	checkReplyLine(t, r.String())
}

func FuzzMail(f *testing.F) {
	for _, s := range []string{
		"FROM:<a@b>", "from: <@x:\"a\\\"b\"@[IPv6:::1]> SIZE=12 BODY=8BITMIME RET=FULL ENVID=a+2Bb", "FROM:<> AUTH=<> SMTPUTF8 REQUIRETLS",
		"FROM:<ễ@ví.vn> SMTPUTF8 SIZE=99999999999999999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if hasControls(s) {
			return // dispatch refuses these
		}
		env, r := parseMail(s, mailLimits{size: 1000, tls: true})
		if r.code != 0 {
			checkRefusal(t, "MAIL", r)
			return
		}
		if env.Size < 0 || env.Size > 1000 || !clean(env.EnvelopeID) || !clean(env.From.String()) || !env.UTF8 && !env.From.IsASCII() {
			t.Errorf("%q: %+v", s, env)
		}
		if !env.From.IsNull() {
			if again, err := mail.ParseAddress(env.From.String()); err != nil || again != env.From {
				t.Errorf("%q: %v is read again as %v, %v", s, env.From, again, err)
			}
		}
	})
}

func FuzzRcpt(f *testing.F) {
	f.Add("TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+40b", false)
	f.Add("to: <Postmaster> ORCPT=utf-8;\\x{1B0}\u1eddi", true)
	f.Fuzz(func(t *testing.T, s string, utf8 bool) {
		if hasControls(s) {
			return
		}
		to, r := parseRcpt(s, utf8)
		if r.code != 0 {
			checkRefusal(t, "RCPT", r)
			return
		}
		if to.Address.IsNull() || !clean(to.Original) || !isASCII(to.OriginalType) || !clean(to.Address.String()) || !utf8 && !to.Address.IsASCII() {
			t.Errorf("%q: %+v", s, to)
		}
	})
}

func FuzzChunk(f *testing.F) {
	f.Add("12 LAST")
	f.Add("0 last ")
	f.Add("18446744073709551616")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseChunk(s)
		if ok && (c.size < 0 || c.left != c.size || c.last != strings.HasSuffix(strings.ToUpper(strings.TrimRight(s, " \t")), "LAST")) {
			t.Errorf("%q: %+v", s, c)
		}
	})
}

func TestNearest(t *testing.T) {
	for in, want := range map[string]string{
		"HALO": "HELO", "EHOL": "EHLO", "RCTP": "RCPT", "DAAT": "DATA", "STARTSSL": "STARTTLS", "QUITT": "QUIT", "XYZZY": "", "A": "", "HE": "",
	} {
		if got := nearest(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

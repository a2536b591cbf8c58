package message

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestBaseSubject(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		" \t ":                      "",
		"hello":                     "hello",
		"  a \t\t b  ":              "a b",
		"Re: hello":                 "+hello",
		"RE:hello":                  "+hello",
		"re : fw: FWD:  hello":      "+hello",
		"Re[2]: hello":              "+hello",
		"Re [ 2 ] : hello":          "+hello",
		"Re[2][3]: hello":           "Re[2][3]: hello",
		"Aw: hello":                 "Aw: hello",
		"reply: hello":              "reply: hello",
		"fwdx: hello":               "fwdx: hello",
		"hello (fwd)":               "+hello",
		"hello (FWD) (fwd)  ":       "+hello",
		"(fwd)":                     "+",
		"Re:":                       "+",
		"Re: (fwd)":                 "+",
		"[list] hello":              "hello",
		"[list][too] hello":         "hello",
		"[list] Re: [other] hello":  "+hello",
		"[list] [two] re: hello":    "+hello",
		"[list]":                    "[list]",
		"[a] [b]":                   "[b]",
		"[a] [b] (fwd)":             "+[b]",
		"Re: [list]":                "+[list]",
		"[Re: hello]":               "[Re: hello]",
		"[fwd: hello]":              "+hello",
		"[Fwd: Re: hello (fwd)]":    "+hello",
		"[Fwd: [fwd: [a] hello]]":   "+hello",
		"[fwd:]":                    "+",
		"[fwd: hello] there":        "there",
		"[fwd: [a] b] c":            "[fwd: [a] b] c",
		"[unclosed hello":           "[unclosed hello",
		"[] hello":                  "hello",
		"[a[b] hello":               "[a[b] hello",
		"=?utf-8?q?Re:_caf=C3=A9?=": "+café",
		"=?utf-8?q?Re?=: x":         "+x",
		"Re: =?utf-8?b?SGFsbG8=?=\r\n =?utf-8?q?_du?=": "+Hallo du",
		"Re:\r\n\thello":  "+hello",
		"Re: hello (fwd":  "+hello (fwd",
		"hello Re: there": "hello Re: there",
	} {
		base, reply := baseSubject([]byte(DecodeHeader([]byte(in))))
		got := string(base)
		if reply {
			got = "+" + got
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The steps of RFC 5256 §2.1 as they are written, with §5's rules as regular
// expressions.
var (
	ruleBlob    = `\[[^\[\]\x00]*\][ \t]*`
	ruleRefwd   = `(?i:re|fwd?)[ \t]*(?:` + ruleBlob + `)?:`
	ruleTrailer = regexp.MustCompile(`(?s)(?:(?i:\(fwd\))|[ \t])$`)
	ruleLeader  = regexp.MustCompile(`(?s)^(?:(?:` + ruleBlob + `)*` + ruleRefwd + `|[ \t])`)
	ruleOneBlob = regexp.MustCompile(`(?s)^` + ruleBlob)
	ruleForward = regexp.MustCompile(`(?s)^(?i:\[fwd:)(.*)\]$`)
	ruleSpaces  = regexp.MustCompile(`[ \t]+`)
)

func naiveBaseSubject(s string) (string, bool) {
	s = ruleSpaces.ReplaceAllString(DecodeHeader([]byte(s)), " ")
	reply := false
	for {
		for m := ruleTrailer.FindString(s); m != ""; m = ruleTrailer.FindString(s) {
			reply = reply || len(m) > 1
			s = s[:len(s)-len(m)]
		}
		for again := true; again; {
			again = false
			for m := ruleLeader.FindString(s); m != ""; m = ruleLeader.FindString(s) {
				reply = reply || strings.TrimLeft(m, " \t") != ""
				s, again = s[len(m):], true
			}
			if m := ruleOneBlob.FindString(s); m != "" && len(m) < len(s) {
				s, again = s[len(m):], true
			}
		}
		m := ruleForward.FindStringSubmatch(s)
		if m == nil {
			return s, reply
		}
		s, reply = m[1], true
	}
}

func FuzzBaseSubject(f *testing.F) {
	for _, s := range []string{"[a] Re [2] : [fwd: [b] x (fwd)] (fwd) ", "re:fw:fwd:[x][y]", "=?utf-8?q?Re:_=5Bx=5D?= y", "[a] [b] "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.IndexByte([]byte(DecodeHeader(in)), 0) >= 0 {
			return // NUL is no BLOBCHAR; no field has one
		}
		base, reply := baseSubject([]byte(DecodeHeader(in)))
		want, wantReply := naiveBaseSubject(string(in))
		if string(base) != want || reply != wantReply {
			t.Fatalf("%q: %q %v, want %q %v", in, base, reply, want, wantReply)
		}
	})
}

// TestBaseSubjectTime: what a stranger may write takes time in proportion.
func TestBaseSubjectTime(t *testing.T) {
	for _, in := range []string{"[]", "[a] ", "re:", "[fwd:", "(fwd)", "re[", "[", "]", "[]re", "re []", "[fwd: (fwd)]"} {
		start := time.Now()
		baseSubject([]byte(strings.Repeat(in, maxField/len(in))))
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%q, repeated, took %v", in, d)
		}
	}
}

package message

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

var bombSize = flag.Int("bomb", 5, "size of TestBombs's messages in megabytes; 25 is what the bar asks for")

// bombs are messages that are made to cost more than their size.
func bombs(size int) map[string]func() string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	nested := func(depth int, header string) string {
		var b strings.Builder
		for i := range depth {
			fmt.Fprintf(&b, header, i, i)
		}
		return b.String() + "text\r\n"
	}
	return map[string]func() string{
		"header lines":       func() string { return fill("X-Bomb: " + strings.Repeat("x", 200) + "\r\n") },
		"short header lines": func() string { return fill("a:\r\n") },
		"continuations":      func() string { return "Subject: x\r\n" + fill(" y\r\n") },
		"malformed lines":    func() string { return "Subject: x\r\n" + fill("y\r\n") },
		"one header line":    func() string { return "Subject: " + fill("x") },
		"one body line":      func() string { return "\r\n" + fill("x") },
		"empty lines":        func() string { return "\r\n" + fill("\n") },
		"CRs":                func() string { return fill("\r") },
		"multiparts":         func() string { return nested(5000, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n") },
		"same boundary":      func() string { return nested(5000, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b%.0d%.0d\r\n") },
		"messages":           func() string { return nested(5000, "Content-Type: message/rfc822\r\n\r\nSubject: %d %d\r\n") },
		"messages in digests": func() string {
			return nested(5000, "Content-Type: multipart/digest; boundary=b%d\r\n\r\n--b%d\r\n\r\n")
		},
		"empty parts":        func() string { return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\n") },
		"empty digest parts": func() string { return "Content-Type: multipart/digest; boundary=b\r\n\r\n" + fill("--b\r\n") },
		"empty multiparts": func() string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n")
		},
		"dashes in depth": func() string {
			return nested(99, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n") + fill("--b\r\n")
		},
		"closed in depth": func() string {
			return nested(99, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b%.0d%.0d\r\n") + fill("--b--\r\n")
		},
		"parameter sections":  func() string { return "Content-Type: text/plain" + fill(";\r\n x*0*=utf-8''%41") },
		"descending sections": func() string { return "Content-Type: text/plain" + strings.Join(descending(400000), "") + "\r\n\r\n" },
		"many types":          func() string { return fill("Content-Type: text/plain; a=b; c*0=d; c*1=e\r\n") },
		"parts with parameters": func() string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\nContent-Type: text/plain"+strings.Repeat(`;x="`, 600)+"\r\n\r\n")
		},
		"addresses": func() string { return "From: " + fill("a,") },
		"addresses everywhere": func() string {
			short := strings.Repeat("a,", size/20)
			return "From: " + short + "\r\nTo: " + short + "\r\nCc: " + short + "\r\nBcc: " + short + "\r\nSubject: " + short + "\r\n" +
				"Message-ID: " + short + "\r\nIn-Reply-To: " + short + "\r\nDate: " + short + "\r\n"
		},
		"addresses folded": func() string { return "To: " + fill("a@b,\r\n ") },
		"many To fields":   func() string { return fill("To: a@b, c@d\r\n") },
		"open comments":    func() string { return "From: " + fill("(") },
		"open quotes":      func() string { return "From: " + fill(`",`) },
		"open brackets":    func() string { return "To: " + fill("[,<") },
		"routes":           func() string { return "To: " + fill("<@a,") },
		"groups":           func() string { return "To: " + fill("a:") },
		"addresses in parts": func() string {
			return "Content-Type: multipart/digest; boundary=b\r\n\r\n" + fill("--b\r\n\r\nFrom: "+strings.Repeat("a,", 2000)+"\r\n\r\n")
		},
		"open words":            func() string { return fill("X: " + strings.Repeat("=?a?q?", 40) + "\r\n") },
		"open words in one":     func() string { return "Subject: " + fill("=?a?q?") },
		"open words in To":      func() string { return "To: " + fill("=?a?q?,") },
		"hidden line ends":      func() string { return fill("X: =?a?b?" + strings.Repeat("CgoK", 128000) + "?=\r\n") },
		"words":                 func() string { return "Subject: " + fill("=?iso-2022-jp?b?GyRC?= ") },
		"words of charsets":     func() string { return fill("X: =?gb18030?q?=81=30=81=30?= =?big5?q?=a1=a1?=\r\n") },
		"decompositions":        func() string { return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + fill("\ufdfa") },
		"combining":             func() string { return "Content-Type: text/plain; charset=utf-8\r\n\r\na" + fill("\u0323\u0301") },
		"combining disordered":  func() string { return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + fill("e\u0301\u0323") },
		"not UTF-8":             func() string { return "Content-Type: text/plain\r\n\r\n" + fill("\xff\xc3\r\n") },
		"html tags":             func() string { return "Content-Type: text/html\r\n\r\n" + fill("<") },
		"html references":       func() string { return "Content-Type: text/html\r\n\r\n" + fill("&amp") },
		"html attributes":       func() string { return "Content-Type: text/html\r\n\r\n" + fill("<a b='c'>") },
		"html comment":          func() string { return "Content-Type: text/html\r\n\r\n<!--" + fill("--!") },
		"quoted-printable":      func() string { return "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + fill("=") },
		"quoted-printable wide": func() string { return "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + fill(" ") },
		"base64":                func() string { return "Content-Transfer-Encoding: base64\r\n\r\n" + fill("=A") },
		"iso-2022":              func() string { return "Content-Type: text/html; charset=iso-2022-jp\r\n\r\n" + fill("\x1b$B<\x1b(B") },
		"utf-7":                 func() string { return "Content-Type: text/html; charset=utf-7\r\n\r\n" + fill("<+2D/-") },
		"utf-16": func() string {
			return "Content-Type: text/html; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(fill("\x00<\xd8\x3d")))
		},
		"gb18030": func() string { return "Content-Type: text/html; charset=gb18030\r\n\r\n" + fill("<\x81\x30") },
	}
}

func descending(n int) (s []string) {
	for i := n; i > 0; i-- {
		s = append(s, fmt.Sprintf(";\r\n x*%d=y", i))
	}
	return s
}

// mostTime is the processor time that a bomb of TestBombs may take. Each takes
// well under a second; the race detector makes that several, and whatever is
// not linear takes minutes.
const mostTime = 10 * time.Second

// mostEnvelope is how long an ENVELOPE may become: who has a hundred recipients
// has it stored a hundred times.
const mostEnvelope = 5 << 19

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestBombs bounds what a message costs, in time and in memory beside its own:
// when it is taken apart, and when it is read later.
func TestBombs(t *testing.T) {
	const most = 64 << 20
	for name, bomb := range bombs(*bombSize << 20) {
		t.Run(name, func(t *testing.T) {
			b := []byte(bomb())
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := processorTime(t)
			p := NewParser()
			for rest := b; len(rest) > 0; rest = rest[min(32<<10, len(rest)):] {
				p.Write(rest[:min(32<<10, len(rest))])
			}
			m := p.Finish()
			structure := m.Root.AppendBodyStructure(nil, true)
			tree := m.Root.AppendBinary(nil)
			took := processorTime(t) - start
			runtime.GC()
			runtime.ReadMemStats(&after)
			kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
			made := int64(after.TotalAlloc - before.TotalAlloc)
			t.Logf("%v, keeps %d kB, made %d kB, structure %d kB, tree %d kB", took, kept>>10, made>>10, len(structure)>>10, len(tree)>>10)
			runtime.KeepAlive(b)
			if took > mostTime {
				t.Errorf("took %v", took)
			}
			if kept > most || made > 4*most {
				t.Errorf("keeps %d octets, made %d", kept, made)
			}
			if len(m.Envelope) > mostEnvelope {
				t.Errorf("an ENVELOPE of %d octets", len(m.Envelope))
			}
			if m.Size != int64(len(b)) {
				t.Errorf("size %d of %d", m.Size, len(b))
			}
			back, err := ReadPart(tree)
			if err != nil || !bytes.Equal(back.AppendBodyStructure(nil, true), structure) {
				t.Errorf("stored tree: %v", err)
			}
			if n := len(ASCII(structure)); n > 4*len(structure)+100 {
				t.Errorf("ASCII of %d octets is %d", len(structure), n)
			}
			readBomb(t, m, b)
		})
	}
}

// readBomb bounds the time that SEARCH, SORT, THREAD, PREVIEW and FETCH take to
// read a message.
func readBomb(t *testing.T, m *Parsed, b []byte) {
	var s Scanner
	r, header := bytes.NewReader(b), b[:m.HeaderSize]
	all := func([]byte) bool { return true }
	for name, read := range map[string]func() error{
		"text":    func() error { return s.Text(m.Root, r, true, all) },
		"header":  func() error { return s.Header(m.Root, r, all) },
		"fold":    func() error { s.FoldHeader(nil, header); return nil },
		"keys":    func() error { KeysOf(m.Envelope, header); return nil },
		"thread":  func() error { ThreadOf(m.Envelope, header); return nil },
		"preview": func() error { _, err := m.Root.Preview(r); return err },
		"filter":  func() error { FilterHeader(nil, header, []string{"From", "X"}, true); return nil },
	} {
		start := processorTime(t)
		err := read()
		if took := processorTime(t) - start; err != nil || took > mostTime {
			t.Errorf("%s took %v: %v", name, took, err)
		}
	}
}

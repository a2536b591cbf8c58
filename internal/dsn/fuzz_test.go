package dsn

import (
	"bytes"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ph "posthorn/internal/mail"
)

// FuzzReport puts what strangers have a say in (the header of their message,
// what their server replied, what they call things) into a report: its form
// must not change by it, and no field may come of it.
func FuzzReport(f *testing.F) {
	f.Add([]byte("Subject: a\r\n b\r\n\r\n"), "mx.example", "5.1.1 no\r\nsuch user", "env+id", "rfc822", "bob@x", "bob", false, 0)
	f.Add([]byte("Message-ID: <1@x>\r\nsubject:=?utf-8?q?=0d=0aBcc:_x?=\r\n"), "", "\x1b[31m\u2028", "\r\n\r\n--=_", "utf-8", "b\u00f6b@x", "b\u00f6b", true, 1)
	f.Fuzz(func(t *testing.T, header []byte, mta, text, envid, originalType, original, local string, utf8ed bool, kind int) {
		address, err := ph.ParseAddress(local + "@hamburger.edu")
		if err != nil || len(originalType)+len(original) > 500 || len(envid) > 100 || len(mta) > 255 || len(text) > ph.MaxResultText {
			return // nothing that came in by SMTP, or was heard
		}
		r := base([]Action{Failed, Delayed, Delivered, Relayed, Expanded}[uint(kind)%5])
		r.Header, r.EnvelopeID, r.UTF8 = header, envid, utf8ed
		r.Recipients[0].Result = ph.Result{Disposition: ph.Failed, MTA: mta, Code: 550, Status: "5.1.1", Text: text}
		r.Recipients[0].OriginalType, r.Recipients[0].Original = originalType, original
		r.Recipients[0].Address = address
		r.Recipients[0].LastTry, r.Recipients[0].RetryUntil = now, now.Add(time.Hour)
		var b bytes.Buffer
		if _, err := r.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		checkReport(t, r, b.String())
	})
}

// checkReport looks at the form of what is our own of a report: everything up to
// the returned part.
func checkReport(t *testing.T, r *Report, text string) {
	parts := strings.SplitN(text, "--"+r.boundary()+"\r\n", 4)
	if len(parts) != 4 {
		t.Fatalf("%d parts: %q", len(parts)-1, text)
	}
	ours := strings.Join(parts[:3], "")
	if rest := strings.ReplaceAll(ours, "\r\n", ""); strings.ContainsAny(rest, "\r\n\x00") || !utf8.ValidString(ours) {
		t.Errorf("bare octets: %q", ours)
	}
	for line := range strings.SplitSeq(ours, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d octets: %.100q", len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	known := " Auto-Submitted Content-Type Content-Transfer-Encoding Date From In-Reply-To Message-Id Mime-Version Received References Subject Tls-Required To X-Auto-Response-Suppress "
	for name, values := range m.Header {
		if !strings.Contains(known, " "+textproto.CanonicalMIMEHeaderKey(name)+" ") || len(values) > 1 {
			t.Errorf("%s: %q", name, values)
		}
	}
	_, status, _ := strings.Cut(parts[2], "\r\n\r\n")
	fields := " Action Arrival-Date Diagnostic-Code Final-Recipient Last-Attempt-Date Original-Envelope-Id Original-Recipient Remote-Mta Reporting-Mta Status Will-Retry-Until "
	blocks := strings.Split(strings.TrimSuffix(status, "\r\n"), "\r\n\r\n")
	if len(blocks) != 2 {
		t.Errorf("%d blocks: %q", len(blocks), status)
	}
	for line := range strings.Lines(strings.Join(blocks, "\r\n")) {
		name, _, ok := strings.Cut(line, ":")
		if strings.TrimSpace(line) != "" && line[0] != ' ' && (!ok || !strings.Contains(fields, " "+textproto.CanonicalMIMEHeaderKey(name)+" ")) {
			t.Errorf("a field of no kind: %q", line)
		}
	}
}

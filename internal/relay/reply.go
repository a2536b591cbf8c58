package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"posthorn/internal/mail"
)

// What a next hop may say at a time: it is a stranger too.
const (
	maxReplyLine  = 4 << 10 // octets; RFC 5321 §4.5.3.1.5 allows 512
	maxReplyLines = 200
)

// reply is a server's reply (RFC 5321 §4.2).
type reply struct {
	code   int
	status string   // the enhanced status (RFC 2034), or what the code alone says
	lines  []string // the texts without codes, made printable
}

// readReply reads one reply. It sets no deadline.
func readReply(br *bufio.Reader) (*reply, error) {
	var r reply
	for range maxReplyLines {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, errors.New("a line of the reply is too long")
		}
		if err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		code, more, text, ok := parseReplyLine(string(line))
		if !ok || r.code != 0 && r.code != code {
			return nil, fmt.Errorf("not an SMTP reply: %.80q", line)
		}
		r.code = code
		r.lines = append(r.lines, text)
		if !more {
			r.takeStatus()
			return &r, nil
		}
	}
	return nil, errors.New("the reply has too many lines")
}

// parseReplyLine reads "250-text" or "250 text".
func parseReplyLine(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 {
		return 0, false, "", false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(line[i]-'0')
	}
	if code < 200 || code > 599 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	if len(line) > 3 {
		more, text = line[3] == '-', printable(line[4:])
	}
	return code, more, text, true
}

// takeStatus moves the enhanced status from the texts to where it belongs.
// One of another class than the code's is no status (RFC 2034 §4).
func (r *reply) takeStatus() {
	class := byte('0' + r.code/100)
	for i, text := range r.lines {
		status, rest, _ := strings.Cut(text, " ")
		if isStatus(status) && status[0] == class {
			r.status = status
			r.lines[i] = strings.TrimLeft(rest, " ")
		}
	}
	if r.status == "" {
		r.status = string(class) + ".0.0"
	}
}

// isStatus reports whether s is an enhanced status code (RFC 3463 §2).
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || !strings.Contains("245", parts[0]) {
		return false
	}
	for _, p := range parts {
		if len(p) < 1 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// text is the whole text in one line.
func (r *reply) text() string { return clip(strings.Join(r.lines, " ")) }

// clip shortens s to what a mail.Result may hold.
func clip(s string) string {
	if len(s) <= mail.MaxResultText {
		return s
	}
	n := mail.MaxResultText - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// printable is s with "?" for what is not printable or no UTF-8.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case c < ' ', c >= 0x7f && c < 0xa0, c == utf8.RuneError, c == '\u2028', c == '\u2029':
			return '?'
		}
		return c
	}, s)
}

// ok reports whether the reply is positive.
func (r *reply) ok() bool { return r.code/100 == 2 }

// result is what the reply means for a recipient. Whatever is neither yes nor
// no (a 3yz where none belongs) is a reason to try again.
func (s *session) result(r *reply) mail.Result {
	res := mail.Result{MTA: s.mta, Code: r.code, Status: r.status, Text: r.text(), TLS: s.tls}
	switch r.code / 100 {
	case 2:
		res.Disposition = mail.Relayed
	case 5:
		res.Disposition = mail.Failed
	default:
		if !isStatus(res.Status) {
			res.Status = "4.5.0"
		}
	}
	return res
}

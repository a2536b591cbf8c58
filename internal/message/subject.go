package message

import (
	"bytes"
)

// baseSubject is what RFC 5256 §2.1 makes of a subject, which is decoded, and may
// be changed: that without what replies and forwards add to it. reply tells that
// something was removed that makes it a reply or forward (§3).
func baseSubject(text []byte) (base []byte, reply bool) {
	s := subject{text: oneSpace(text)}
	for {
		s.trimTrailer()
		for s.trimLeader() {
		}
		if !s.unwrap() {
			return s.text, s.reply
		}
	}
}

// oneSpace turns each run of spaces and tabs into one space (RFC 5256 §2.1,
// step 1). It changes b.
func oneSpace(b []byte) []byte {
	out := b[:0]
	for _, c := range b {
		if isWSP(c) {
			if n := len(out); n > 0 && out[n-1] == ' ' {
				continue
			}
			c = ' '
		}
		out = append(out, c)
	}
	return out
}

func isWSP(c byte) bool { return c == ' ' || c == '\t' }

// subject is one from which is being removed what does not belong to its base.
// The names in the comments are those of RFC 5256 §5.
type subject struct {
	text  []byte
	reply bool
}

// trimTrailer removes every subj-trailer (step 2).
func (s *subject) trimTrailer() {
	for {
		n := len(s.text)
		switch {
		case n > 0 && isWSP(s.text[n-1]):
			s.text = s.text[:n-1]
		case n >= 5 && equalFold(s.text[n-5:], "(fwd)"):
			s.text, s.reply = s.text[:n-5], true
		default:
			return
		}
	}
}

// trimLeader removes a subj-leader, or subj-blobs that are none (steps 3 and 4).
// It reports false when there is neither.
//
// All blobs that stand together go at once: what follows the last decides of
// each whether it begins a leader, and looking for that anew from each blob
// would take the square of their number.
func (s *subject) trimLeader() bool {
	if len(s.text) > 0 && isWSP(s.text[0]) {
		s.text = s.text[1:]
		return true
	}
	last, end := 0, 0
	for {
		n := blobLen(s.text[end:])
		if n == 0 {
			break
		}
		last, end = end, end+n
	}
	if n := refwdLen(s.text[end:]); n > 0 {
		s.text, s.reply = s.text[end+n:], true
		return true
	}
	if end == len(s.text) {
		end = last // the last blob is the base
	}
	s.text = s.text[end:]
	return end > 0
}

// unwrap removes a subj-fwd-hdr and its subj-fwd-trl (step 6).
func (s *subject) unwrap() bool {
	const header = "[fwd:"
	n := len(s.text)
	if n <= len(header) || !equalFold(s.text[:len(header)], header) || s.text[n-1] != ']' {
		return false
	}
	s.text, s.reply = s.text[len(header):n-1], true
	return true
}

// blobLen is the length of the subj-blob at the beginning of b, 0 when there is
// none.
func blobLen(b []byte) int {
	if len(b) == 0 || b[0] != '[' {
		return 0
	}
	end := bytes.IndexAny(b[1:], "[]") + 1
	if end == 0 || b[end] == '[' {
		return 0
	}
	return skipWSP(b, end+1)
}

// refwdLen is the length of the subj-refwd at the beginning of b, 0 when there
// is none.
func refwdLen(b []byte) int {
	n := 0
	switch {
	case len(b) >= 3 && equalFold(b[:3], "fwd"):
		n = 3
	case len(b) >= 2 && (equalFold(b[:2], "re") || equalFold(b[:2], "fw")):
		n = 2
	default:
		return 0
	}
	n = skipWSP(b, n)
	n += blobLen(b[n:])
	if n == len(b) || b[n] != ':' {
		return 0
	}
	return n + 1
}

// skipWSP is where in b, from n on, the white space ends.
func skipWSP(b []byte, n int) int {
	for n < len(b) && isWSP(b[n]) {
		n++
	}
	return n
}

package recode

import "unicode/utf8"

// traits is what octets are like.
type traits struct {
	size     int64
	eightBit int64 // octets above 127
	binary   int64 // NULs, and CRs and LFs that are not in a CRLF
	other    int64 // "=", control characters, blanks at the end of a line
	longest  int64 // octets of the longest line, without CRLF
	utf8     bool  // all of it is UTF-8
}

// best is the encoding that makes the least of it, text left readable where
// that costs little.
func (t traits) best() encoding {
	quoted := t.size + 2*(t.eightBit+t.binary+t.other)
	encoded := t.size*4/3 + t.size*4/3/76*2
	if quoted <= encoded+encoded/8+64 {
		return quotedPrintable
	}
	return base64
}

// unlabelled is the type of a text that has none (RFC 1428): MIME would take
// it for US-ASCII, which it is not.
func (t traits) unlabelled() string {
	if t.utf8 {
		return "text/plain; charset=utf-8"
	}
	return "text/plain; charset=unknown-8bit"
}

// scanner finds traits in octets that are written to it.
type scanner struct {
	t     traits
	line  int64
	prev  byte
	began bool
	// rune holds the octets of a character that is not complete yet.
	rune    [utf8.UTFMax]byte
	runeLen int
	notUTF8 bool
}

func (s *scanner) Write(p []byte) (int, error) {
	for _, c := range p {
		s.octet(c)
	}
	return len(p), nil
}

func (s *scanner) octet(c byte) {
	s.t.size++
	if s.prev == '\r' && c != '\n' && s.began {
		s.t.binary++ // a bare CR
	}
	switch {
	case c == '\n' && s.prev == '\r' && s.began:
		s.line-- // the CR is no part of it
		s.t.longest = max(s.t.longest, s.line)
		s.line = -1
	case c == '\n', c == 0:
		s.t.binary++
	case c >= 0x80:
		s.t.eightBit++
	case c == '=' || c < ' ' && c != '\t' && c != '\r' || c == 0x7f:
		s.t.other++
	}
	s.line++
	s.prev, s.began = c, true
	s.character(c)
}

// character follows UTF-8.
func (s *scanner) character(c byte) {
	if s.notUTF8 || c < 0x80 && s.runeLen == 0 {
		return
	}
	s.rune[s.runeLen] = c
	s.runeLen++
	if r, n := utf8.DecodeRune(s.rune[:s.runeLen]); r != utf8.RuneError || n > 1 {
		s.runeLen = 0
	} else if utf8.FullRune(s.rune[:s.runeLen]) {
		s.notUTF8 = true
	}
}

func (s *scanner) finish() traits {
	if s.began && s.prev == '\r' {
		s.t.binary++
	}
	s.t.longest = max(s.t.longest, s.line)
	s.t.utf8 = !s.notUTF8 && s.runeLen == 0
	return s.t
}

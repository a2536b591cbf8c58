package page

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what is decoded step by step.
const (
	maxSample = 4 << 10
	maxLines  = 4  // lines shown as sent
	maxGroups = 32 // of base64
	maxTokens = 100
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func itoa(n int) string { return strconv.Itoa(n) }

// sampleLines are the first lines of a part, and all of its text in them.
func sampleLines(sample []byte) (lines []string, text string, rest bool) {
	all := strings.SplitAfter(string(sample), "\n")
	n := min(len(all), maxLines)
	text = strings.Join(all[:n], "")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		lines = append(lines, clip(strings.TrimRight(line, "\r"), maxShown*2))
	}
	return lines, text, strings.TrimRight(strings.Join(all[n:], ""), "\r\n") != ""
}

// base64Steps decode the first characters of a part (RFC 4648 §4).
func base64Steps(sample []byte, more bool, charset string) *Steps {
	lines, text, rest := sampleLines(sample)
	s := &Steps{Encoding: "base64", Lines: lines, Groups: []Group{}, More: more || rest}
	var chars []byte
	var octets []byte
	for i := range len(text) {
		c := text[i]
		if c != '=' && strings.IndexByte(base64Alphabet, c) < 0 {
			continue // a line end, or what RFC 2045 §6.8 has readers pass over
		}
		if chars = append(chars, c); len(chars) < 4 {
			continue
		}
		if len(s.Groups) == maxGroups {
			s.More = true
			break
		}
		g, decoded, ok := group(chars)
		if !ok {
			break
		}
		s.Groups = append(s.Groups, g)
		octets = append(octets, decoded...)
		chars = chars[:0]
		if g.Pad > 0 {
			break
		}
	}
	if charset != "" {
		s.Text = toText(octets, charset)
	}
	return s
}

// group is four characters of base64 taken apart.
func group(chars []byte) (g Group, octets []byte, ok bool) {
	g.Chars = string(chars)
	var value uint32
	for _, c := range chars {
		value <<= 6
		if c == '=' {
			g.Pad++
			continue
		}
		if g.Pad > 0 {
			return g, nil, false // "=" is only at the end
		}
		v := strings.IndexByte(base64Alphabet, c)
		g.Sextets = append(g.Sextets, v)
		value |= uint32(v)
	}
	if g.Pad > 2 {
		return g, nil, false
	}
	octets = []byte{byte(value >> 16), byte(value >> 8), byte(value)}[:3-g.Pad]
	for _, o := range octets {
		g.Bits += fmt.Sprintf("%08b", o)
		g.Octets = append(g.Octets, int(o))
	}
	g.Text = strings.ToValidUTF8(string(octets), "\uFFFD")
	return g, octets, true
}

// quotedSteps decode the first lines of a part (RFC 2045 §6.7).
func quotedSteps(sample []byte, more bool, charset string) *Steps {
	lines, text, rest := sampleLines(sample)
	s := &Steps{Encoding: "quoted-printable", Lines: lines, Tokens: []Token{}, More: more || rest}
	var decoded []byte
	for len(text) > 0 && len(s.Tokens) < maxTokens {
		t, octets := token(text, charset)
		if t.Octets == nil {
			t.Octets = []int{}
		}
		text = text[len(t.Raw):]
		t.Raw = clip(t.Raw, maxValue)
		decoded = append(decoded, octets...)
		s.Tokens = append(s.Tokens, t)
	}
	s.More = s.More || len(text) > 0
	s.Text = toText(decoded, charset)
	return s
}

// token is the first piece of quoted-printable text, and what it stands for.
func token(text, charset string) (t Token, octets []byte) {
	switch {
	case strings.HasPrefix(text, "=\r\n"):
		return Token{Raw: "=\r\n", What: "soft-break"}, nil
	case strings.HasPrefix(text, "=\n"):
		return Token{Raw: "=\n", What: "soft-break"}, nil
	case strings.HasPrefix(text, "\r\n"):
		return Token{Raw: "\r\n", What: "line-break", Text: "\r\n"}, []byte("\r\n")
	case text[0] == '\n':
		return Token{Raw: "\n", What: "line-break", Text: "\n"}, []byte("\n")
	case text[0] == '=':
		n := 0
		for {
			o, ok := escape(text[n:])
			if !ok {
				break
			}
			octets = append(octets, o)
			n += 3
		}
		if n == 0 {
			return Token{Raw: "=", What: "bad", Text: "="}, []byte("=")
		}
		t = Token{Raw: text[:n], What: "escape", Text: toText(octets, charset)}
		for _, o := range octets {
			t.Octets = append(t.Octets, int(o))
		}
		return t, octets
	}
	n := strings.IndexAny(text[1:], "=\r\n") + 1
	if n == 0 {
		n = len(text)
	}
	return Token{Raw: text[:n], What: "literal", Text: clip(text[:n], maxValue)}, []byte(text[:n])
}

// escape is an "=" with two hexadecimal digits.
func escape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '=' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:3], 16, 8)
	return byte(n), err == nil
}

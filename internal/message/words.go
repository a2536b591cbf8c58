package message

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// word is an encoded word (RFC 2047 §2).
type word struct {
	charset string
	b64     bool
	text    []byte // still encoded
}

// words finds encoded words in a text.
type words struct {
	s []byte
	// end is where the first "?=" stands that was looked for, so that a text
	// full of beginnings is not searched for ends again and again.
	end int
}

// at reads the encoded word that begins at an offset and returns its length, 0
// when there is none. It is lenient: the encoded text may hold spaces. Offsets
// must not fall from call to call.
func (ws *words) at(off int) (w word, n int) {
	s := ws.s[off:]
	if len(s) < 6 || s[0] != '=' || s[1] != '?' {
		return w, 0
	}
	i := 2
	for i < len(s) && i < 80 && s[i] > ' ' && s[i] < 0x7f && s[i] != '?' {
		i++
	}
	if i == 2 || i+3 > len(s) || s[i] != '?' || s[i+2] != '?' {
		return w, 0
	}
	switch s[i+1] {
	case 'b', 'B':
		w.b64 = true
	case 'q', 'Q':
	default:
		return w, 0
	}
	text := off + i + 3
	if ws.end < text {
		k := bytes.Index(ws.s[text:], []byte("?="))
		if k < 0 {
			k = len(ws.s)
		}
		ws.end = text + k
	}
	if ws.end >= len(ws.s) {
		return w, 0
	}
	charset := s[2:i]
	if star := bytes.IndexByte(charset, '*'); star >= 0 {
		charset = charset[:star] // RFC 2231 §5: the language
	}
	w.charset, w.text = string(charset), ws.s[text:ws.end]
	if !isASCII(w.text) {
		w.charset = "" // raw octets, which are UTF-8 by now
	}
	return w, ws.end + 2 - off
}

// encodedWordLen returns the length of an encoded word without white space at
// the beginning of s, 0 when there is none.
func encodedWordLen(s []byte) int {
	s = s[:min(len(s), 1000)]
	_, n := (&words{s: s}).at(0)
	if n == 0 || bytes.IndexByte(s[:n], ' ') >= 0 {
		return 0
	}
	return n
}

// decode appends the octets that the word stands for.
func (w *word) decode(dst []byte) []byte {
	if w.b64 {
		var d base64Decoder
		return d.finish(d.line(dst, w.text))
	}
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(w.text) && isHex(w.text[i+1]) && isHex(w.text[i+2]):
			c = unhex(w.text[i+1])<<4 | unhex(w.text[i+2])
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// DecodeHeader decodes a field's value for people: unfolded, RFC 2047 encoded
// words and raw 8-bit octets turned into UTF-8, line ends and NULs gone.
func DecodeHeader(value []byte) string {
	value = trimSpace(unfold(value))
	if isASCII(value) && !bytes.Contains(value, []byte("=?")) {
		return string(value)
	}
	return string(appendDecoded(nil, toUTF8(value)))
}

// unfold removes line ends (RFC 5322 §2.2.3), and NULs. The fold's white space
// stays, a tab as a space.
func unfold(v []byte) []byte {
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 && bytes.IndexByte(v, 0) < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	fold := false
	for _, c := range v {
		switch {
		case c == '\r' || c == '\n':
			fold = true
			continue
		case c == 0:
			continue
		case fold && c == '\t':
			c = ' '
		case fold && c != ' ':
			out = append(out, ' ')
		}
		fold = false
		out = append(out, c)
	}
	return out
}

// appendDecoded decodes the encoded words in v, which is UTF-8. White space
// between two of them is not shown (RFC 2047 §6.2), and the octets of
// neighbours with the same charset are put together before they are decoded:
// many programs part words inside a character.
func appendDecoded(dst, v []byte) []byte {
	return appendConverted(dst, v, func(dst []byte, charset string, raw []byte) []byte {
		dst, _ = appendCharset(dst, charset, raw)
		return dst
	})
}

// appendConverted is appendDecoded with convert for the octets of encoded words.
func appendConverted(dst, v []byte, convert func(dst []byte, charset string, raw []byte) []byte) []byte {
	var raw []byte
	charset := ""
	flush := func() {
		if len(raw) > 0 {
			dst = convert(dst, charset, raw)
			raw = raw[:0]
		}
	}
	ws := words{s: v}
	done := 0
	for done < len(v) {
		i := bytes.Index(v[done:], []byte("=?"))
		if i < 0 {
			break
		}
		i += done
		w, n := ws.at(i)
		if n == 0 {
			flush()
			dst = append(dst, v[done:i+2]...)
			done = i + 2
			continue
		}
		if len(raw) == 0 || len(bytes.TrimLeft(v[done:i], " \t")) > 0 {
			flush()
			dst = append(dst, v[done:i]...)
		}
		if !strings.EqualFold(w.charset, charset) {
			flush()
			charset = w.charset
		}
		raw = w.decode(raw)
		done = i + n
	}
	flush()
	return append(dst, v[done:]...)
}

// appendWords appends s, which is UTF-8, as encoded words of at most 75 octets
// parted by spaces, in whichever encoding is shorter.
func appendWords(b []byte, s []byte) []byte {
	special := 0
	for _, c := range s {
		if !isQText(c) && c != ' ' {
			special++
		}
	}
	b64 := len(s)+2*special > base64.StdEncoding.EncodedLen(len(s))
	const room = 75 - len("=?utf-8?q??=")
	for first := true; first || len(s) > 0; first = false {
		if !first {
			b = append(b, ' ')
		}
		n, used := 0, 0
		for n < len(s) {
			_, size := utf8.DecodeRune(s[n:])
			cost := 0
			for _, c := range s[n : n+size] {
				cost++
				if !isQText(c) && c != ' ' {
					cost += 2
				}
			}
			if b64 && base64.StdEncoding.EncodedLen(n+size) > room || !b64 && used+cost > room {
				break
			}
			n, used = n+size, used+cost
		}
		if b64 {
			b = append(b, "=?utf-8?b?"...)
			b = base64.StdEncoding.AppendEncode(b, s[:n])
		} else {
			b = append(b, "=?utf-8?q?"...)
			b = appendQ(b, s[:n])
		}
		b = append(b, "?="...)
		s = s[n:]
	}
	return b
}

func appendQ(b, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		switch {
		case c == ' ':
			b = append(b, '_')
		case isQText(c):
			b = append(b, c)
		default:
			b = append(b, '=', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// isQText reports whether c may stand for itself in a Q word wherever the word
// stands, in a display name too (RFC 2047 §5).
func isQText(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

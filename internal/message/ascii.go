package message

import (
	"bytes"
	"strconv"
)

// ASCII rewrites a rendered envelope or body structure for a client that did
// not enable UTF-8 (RFC 6855): strings with other octets become RFC 2047
// encoded words. It returns b itself where there is nothing to do.
func ASCII(b []byte) []byte {
	if isASCII(b) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/2)
	var s []byte
	for len(b) > 0 {
		i := bytes.IndexAny(b, `"{`)
		if i < 0 {
			break
		}
		out = append(out, b[:i]...)
		b = b[i:]
		raw, n := readString(s[:0], b)
		if n == 0 {
			out, b = append(out, b[0]), b[1:]
			continue
		}
		if isASCII(raw) {
			out = append(out, b[:n]...)
		} else {
			// What is encoded already must not be encoded twice.
			out = appendString(out, appendWords(nil, appendDecoded(nil, toUTF8(raw))))
		}
		s, b = raw, b[n:]
	}
	return append(out, b...)
}

// readString reads an IMAP string at the beginning of b, appends what it
// holds to dst, and returns its length in b, 0 when there is none.
func readString(dst, b []byte) (s []byte, n int) {
	if b[0] == '{' {
		end := bytes.IndexByte(b[:min(len(b), 24)], '}')
		if end < 0 || len(b) < end+3 || b[end+1] != '\r' || b[end+2] != '\n' {
			return dst, 0
		}
		n, err := strconv.ParseUint(string(b[1:end]), 10, 31)
		start := end + 3
		if err != nil || int(n) > len(b)-start {
			return dst, 0
		}
		return append(dst, b[start:start+int(n)]...), start + int(n)
	}
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '"':
			return dst, i + 1
		case b[i] == '\\' && i+1 < len(b):
			i++
		}
		dst = append(dst, b[i])
	}
	return dst, 0
}

package main

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// visible passes text on to a terminal, which only shows it: what commands
// print was often chosen by strangers (addresses, the answers of other servers,
// the lines of a session), and control characters make a terminal do things.
// They become \u001b and the like, which JSON has too; newlines and tabs stay.
type visible struct{ w io.Writer }

func (v visible) Write(p []byte) (int, error) {
	shown := p
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if i += n; r == utf8.RuneError && n == 1 || unicode.IsControl(r) && r != '\n' && r != '\t' {
			shown = makeVisible(p)
			break
		}
	}
	if _, err := v.w.Write(shown); err != nil {
		return 0, err
	}
	return len(p), nil
}

func makeVisible(p []byte) []byte {
	b := make([]byte, 0, 2*len(p))
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && n == 1:
			b = utf8.AppendRune(b, utf8.RuneError)
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, p[:n]...)
		}
		p = p[n:]
	}
	return b
}

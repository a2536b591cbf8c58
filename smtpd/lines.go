package smtpd

import "bytes"

// lines reads the text of a message octet for octet from where the wire has
// it: it finds the end of DATA, takes the transparency dots out (RFC 5321
// §4.5.2), and checks or repairs the line ends. It does no input or output.
//
// The end of DATA is CRLF.CRLF, of which the first CRLF may be DATA's own, and
// nothing else.
type lines struct {
	// dots: it is DATA, whose lines have transparency dots and whose end is a
	// lone one. In BDAT's chunks a dot is a dot.
	dots bool
	// repair makes CRLF of a bare CR or a bare LF instead of a fault.
	repair bool
	// skip: what is read is only read away; nothing is written to dst.
	skip bool

	state lineState
	// dirty: the line began after something else than CRLF, so a lone dot in
	// it is no end.
	dirty bool
	// fault is what was wrong first. From then on what is written is of no use.
	fault lineFault
	// lone: the last thing read is a lone dot that is no end, because of the
	// line ends around it.
	lone bool
	// done: the end of DATA was read.
	done bool
}

type lineState uint8

const (
	atStart  lineState = iota // of a line
	inText                    // of a line
	afterCR                   // in a line; the CR is not written yet
	afterDot                  // that began a line; it is not written yet
	afterDotCR
)

type lineFault uint8

const (
	noFault lineFault = iota
	bareCR
	bareLF
	nul
)

// maxEmit is the most that one octet of input makes of output: ".\r\nx" of an x
// after a dot and a bare CR.
const maxEmit = 4

// maxSpan is how much is searched for the end of a line at a time. Lines are
// shorter (RFC 5321 §4.5.3.1.6); but a text may be full of CRs, and each of them
// would have all that follows searched for a LF.
const maxSpan = 1 << 10

// decode reads from src and writes to dst; it returns how much. It reads all of
// src unless the end comes before, or dst, which must have room for maxEmit
// octets, is full.
func (l *lines) decode(dst, src []byte) (written, read int) {
	for read < len(src) && !l.done && (l.skip || len(dst)-written >= maxEmit) {
		in := src[read:]
		if l.state == inText || l.state == atStart && !(l.dots && in[0] == '.') {
			in = in[:min(len(in), maxSpan)]
			if !l.skip {
				in = in[:min(len(in), len(dst)-written)]
			}
			if n := l.span(in); n > 0 {
				if !l.skip {
					copy(dst[written:], in[:n])
					written += n
				}
				read += n
				l.lone = false
				continue
			}
		}
		var out [maxEmit]byte
		n := len(l.step(out[:0], src[read]))
		read++
		if !l.skip {
			written += copy(dst[written:], out[:n])
		}
	}
	if l.fault == noFault && bytes.IndexByte(dst[:written], 0) >= 0 {
		l.fault = nul
	}
	return written, read
}

// span is how much of in goes out as it is: a line with its CRLF, or text up
// to what step must look at.
func (l *lines) span(in []byte) int {
	text := in
	lf := bytes.IndexByte(in, '\n')
	if lf >= 0 {
		text = in[:lf]
	}
	cr := bytes.IndexByte(text, '\r')
	switch {
	case cr < 0:
		cr = len(text)
	case cr == lf-1:
		l.state, l.dirty = atStart, false
		return lf + 1
	}
	if cr > 0 {
		l.state = inText
	}
	return cr
}

// step reads one octet and appends what goes out.
func (l *lines) step(out []byte, c byte) []byte {
	l.lone = false
	switch l.state {
	case afterCR:
		if c == '\n' {
			return l.endLine(out, false)
		}
		out = l.bare(out, bareCR)
	case afterDot:
		switch c {
		case '\r':
			l.state = afterDotCR
			return out
		case '\n':
			return l.loneDot(out, bareLF)
		}
		l.state = inText // the dot is gone
		return l.text(out, c)
	case afterDotCR:
		switch {
		case c == '\n' && !l.dirty:
			l.done = true
			return out
		case c == '\n':
			l.lone = true
			return l.endLine(append(out, '.'), false)
		}
		out = l.loneDot(out, bareCR)
		l.lone = false
	}
	if l.state == atStart && l.dots && c == '.' {
		l.state = afterDot
		return out
	}
	return l.text(out, c)
}

// text reads an octet within a line or at its start.
func (l *lines) text(out []byte, c byte) []byte {
	switch c {
	case '\r':
		l.state = afterCR
		return out
	case '\n':
		return l.bare(out, bareLF)
	}
	l.state = inText
	return append(out, c)
}

// bare is the end of a line by a lone CR or LF.
func (l *lines) bare(out []byte, f lineFault) []byte {
	if !l.repair && l.fault == noFault {
		l.fault = f
	}
	return l.endLine(out, true)
}

// loneDot is a line that is only a dot and ends in a lone CR or LF: no end of
// DATA, and no transparency dot either, since nobody doubles a dot to nothing.
func (l *lines) loneDot(out []byte, f lineFault) []byte {
	out = l.bare(append(out, '.'), f)
	l.lone = true
	return out
}

func (l *lines) endLine(out []byte, dirty bool) []byte {
	l.state, l.dirty = atStart, dirty
	return append(out, '\r', '\n')
}

// finish ends the text of the last chunk, which may have left a CR.
func (l *lines) finish(out []byte) []byte {
	if l.state == afterCR {
		out = l.bare(out, bareCR)
	}
	return out
}

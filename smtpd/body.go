package smtpd

import (
	"errors"
	"io"
	"time"

	"posthorn/internal/wire"
)

// body is a message on its way in, read from the connection's buffer. Its Read
// gives io.EOF only at the message's true end; every other error stays, and
// means that the message must not be kept.
type body struct {
	f      *front
	lines  lines
	binary bool // as it is, without a look at line ends
	chunk  *chunk
	size   int64 // octets given to the Backend
	err    error // latched
	since  time.Time
	waits  int  // after lone dots
	asked  bool // whether it is to be cut off on demand
	// rest is what was decoded and not asked for yet (after a very short Read).
	rest []byte
	few  [maxEmit]byte
}

// newBody returns the body that follows DATA, or BDAT's first chunk.
func (f *front) newBody(c *chunk) *body {
	return &body{f: f, chunk: c, since: time.Now(), binary: f.tx.env.Body == bodyBinary, lines: lines{dots: c == nil, repair: f.cfg.Submission}}
}

// Read gives the message to the Backend.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case len(b.rest) > 0:
		n := copy(p, b.rest)
		b.rest = b.rest[n:]
		return n, nil
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	case len(p) < maxEmit:
		n, err := b.read(b.few[:])
		if err != nil {
			return 0, err
		}
		b.rest = b.few[:n]
		return b.Read(p)
	}
	return b.read(p)
}

// read is Read with room for maxEmit octets. It gives octets or an error.
func (b *body) read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		if b.chunk != nil {
			n, err = b.readChunk(p)
		} else {
			n, err = b.readData(p)
		}
		if n > 0 && err == nil {
			err = b.drops()
		}
		if err == nil && b.lines.fault != noFault {
			err = b.faulty()
		}
		if b.size += int64(n); err == nil && b.size > b.f.cfg.MaxMessage {
			err = errTooLarge
		}
	}
	if err != nil {
		b.err = err
		return 0, err
	}
	return n, nil
}

// readData decodes what is there of DATA's text.
func (b *body) readData(p []byte) (int, error) {
	if b.lines.done {
		return 0, io.EOF
	}
	in, err := b.fill()
	if err != nil {
		return 0, err
	}
	n, used := b.lines.decode(p, in)
	b.f.Consume(used)
	return n, nil
}

// fill waits for octets of the body.
func (b *body) fill() ([]byte, error) {
	if b.lines.lone && b.f.Buffered() == 0 {
		return b.fillAfterLoneDot()
	}
	in, err := b.f.Fill()
	if err != nil {
		b.f.lost()
		return nil, errGone
	}
	return in, nil
}

// fillAfterLoneDot is fill after a lone dot with wrong line ends: the client
// may be waiting for an answer, and is told so after a while.
func (b *body) fillAfterLoneDot() ([]byte, error) {
	if b.waits++; b.waits > maxLoneDots {
		return nil, errLoneDot
	}
	since := time.Now()
	defer time.AfterFunc(loneDotWait, b.f.Interrupt).Stop()
	b.f.SetPhase(wire.Commands) // nothing interrupts phase Data
	defer b.f.SetPhase(wire.Data)
	for {
		in, err := b.f.Fill()
		switch {
		case err == nil:
			return in, nil
		case !errors.Is(err, wire.ErrInterrupted):
			b.f.lost()
			return nil, errGone
		case time.Since(since) >= loneDotWait:
			return nil, errLoneDot
		}
	}
}

// faulty is the refusal of a text with wrong octets in it.
func (b *body) faulty() error {
	r := reply{code: 550, enhanced: "5.6.11"} // "invalid characters", as other servers have it
	switch b.lines.fault {
	case bareCR:
		r.text = "The message has a bare CR: lines must end with CRLF (RFC 5321 section 2.3.8)"
	case bareLF:
		r.text = "The message has a bare LF: lines must end with CRLF (RFC 5321 section 2.3.8)"
	default:
		r.text = "The message has a NUL: send it as base64, or with BODY=BINARYMIME"
	}
	return &refusal{r}
}

// drain reads away what the Backend left, so that the next octet is a
// command's. The error says why there is no next command.
func (b *body) drain() error {
	switch {
	case b.f.gone:
		return errGone
	case b.chunk != nil:
		return b.drainChunk()
	case errors.Is(b.err, errLoneDot):
		return errLoneDot
	}
	b.lines.skip = true
	for n := int64(0); !b.lines.done; {
		in, err := b.fill()
		if err != nil {
			return err
		}
		_, used := b.lines.decode(nil, in)
		b.f.Consume(used)
		if n += int64(used); n > maxDrain {
			return errDrain
		}
	}
	return nil
}

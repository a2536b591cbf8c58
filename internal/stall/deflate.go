package stall

import (
	"bytes"
	"compress/flate"
	"io"
	"net"
	"time"

	"posthorn/internal/transcript"
)

// deflate compresses what is said and heard from here on. What comes is decoded
// by a goroutine: a decoder that was interrupted can't go on.
func (p *play) deflate() {
	link := transcript.Deflate(p.link)
	heard, decoded := connect(nil, 0)
	go func() {
		io.Copy(decoded, link)
		decoded.CloseWrite()
	}()
	if p.shake1 == 0 { // a TLS record that is not whole is nothing
		p.packed = &packed{from: len(p.words)}
	}
	p.link = &inflated{link, heard}
	p.done++
}

// packed is what was sent compressed, in clear.
type packed struct {
	from   int // how many octets of words were said before
	octets []byte
}

// understood is how many octets of words a server can have: of those that are
// compressed it may have the last before the last octets of their flush.
func (p *play) understood() int {
	if p.packed == nil {
		return 0
	}
	words, _ := io.ReadAll(flate.NewReader(bytes.NewReader(p.packed.octets)))
	return p.packed.from + len(words)
}

// inflated is a link whose words are decoded.
type inflated struct {
	net.Conn
	heard *end
}

func (i *inflated) Read(b []byte) (int, error)        { return i.heard.Read(b) }
func (i *inflated) SetReadDeadline(t time.Time) error { return i.heard.SetReadDeadline(t) }

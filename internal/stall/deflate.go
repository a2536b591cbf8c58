package stall

import (
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
	p.link = &inflated{link, heard}
	p.done++
}

// inflated is a link whose words are decoded.
type inflated struct {
	net.Conn
	heard *end
}

func (i *inflated) Read(b []byte) (int, error)        { return i.heard.Read(b) }
func (i *inflated) SetReadDeadline(t time.Time) error { return i.heard.SetReadDeadline(t) }

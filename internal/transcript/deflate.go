package transcript

import (
	"bytes"
	"compress/flate"
	"io"
	"net"
	"time"
)

// Deflate is conn as a client sees it that compresses (RFC 4978): each Write is
// a flush.
func Deflate(conn net.Conn) net.Conn {
	d := &deflated{Conn: conn, r: flate.NewReader(&byOne{conn})}
	d.w, _ = flate.NewWriter(&d.out, flate.BestCompression) // the level is right
	return d
}

type deflated struct {
	net.Conn
	r   io.Reader
	w   *flate.Writer
	out bytes.Buffer
}

func (d *deflated) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d *deflated) Write(p []byte) (int, error) {
	d.out.Reset()
	d.w.Write(p)
	d.w.Flush()
	if _, err := d.Conn.Write(d.out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite closes by half where that can be done.
func (d *deflated) CloseWrite() error { return closeWrite(d.Conn) }

// byOne reads no octet that is not asked for: behind the last that is
// compressed may come others.
type byOne struct{ net.Conn }

func (b *byOne) ReadByte() (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(b.Conn, one[:])
	return one[0], err
}

// pause ends the reading goroutine, for something to be put between it and the
// connection.
func (c *client) pause() {
	c.mu.Lock()
	c.switched = true
	c.mu.Unlock()
	c.conn.SetReadDeadline(time.Unix(1, 0))
	<-c.done
	c.conn.SetReadDeadline(time.Time{})
}

// deflate begins to compress, or ends it.
func (c *client) deflate(on bool) error {
	c.pause()
	if err := c.nothingUnread(); err != nil {
		return err
	}
	if d, ok := c.conn.(*deflated); ok && !on {
		c.conn = d.Conn
	} else if on {
		c.conn = Deflate(c.conn)
	}
	c.read()
	return nil
}

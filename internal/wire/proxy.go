package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	proxyTime   = 10 * time.Second // a proxy sends its header at once
	proxyV1Max  = 107              // octets, by the specification §2.1
	proxyV2Max  = 4 << 10          // octets after the fixed part; TLVs included
	proxyV2Head = 16
)

// readProxyHeader reads the PROXY header where the listener's configuration
// asks for one, and takes the client's address from it.
func (c *Conn) readProxyHeader() error {
	if !c.behindProxy() {
		return nil
	}
	c.sock.SetReadDeadline(time.Now().Add(proxyTime))
	octets, err := readProxyOctets(c.sock)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProxy, err)
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(octets), len(octets)+1))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProxy, err)
	}
	if h.Command.IsLocal() || h.SourceAddr == nil {
		return nil // the proxy speaks for itself: a health check
	}
	if !addrOf(h.SourceAddr).IsValid() {
		return fmt.Errorf("%w: no client address", ErrProxy)
	}
	c.mu.Lock()
	c.remote = h.SourceAddr
	c.mu.Unlock()
	return nil
}

func (c *Conn) behindProxy() bool {
	peer := addrOf(c.sock.RemoteAddr())
	for _, p := range c.cfg.ProxyFrom {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// readProxyOctets reads the header and not an octet more: what follows belongs
// to TLS or the protocol.
func readProxyOctets(r io.Reader) ([]byte, error) {
	b := make([]byte, 12, proxyV1Max)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if bytes.Equal(b, proxyproto.SIGV2) {
		b = append(b, 0, 0, 0, 0)
		if _, err := io.ReadFull(r, b[12:]); err != nil {
			return nil, err
		}
		n := binary.BigEndian.Uint16(b[14:])
		if n > proxyV2Max {
			return nil, proxyproto.ErrInvalidLength
		}
		b = append(b, make([]byte, n)...)
		_, err := io.ReadFull(r, b[proxyV2Head:])
		return b, err
	}
	if !bytes.HasPrefix(b, proxyproto.SIGV1) {
		return nil, proxyproto.ErrNoProxyProtocol
	}
	for b[len(b)-1] != '\n' {
		if len(b) == proxyV1Max {
			return nil, proxyproto.ErrVersion1HeaderTooLong
		}
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

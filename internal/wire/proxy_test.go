package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"
)

func proxyHeader(t *testing.T, version byte, from string) string {
	t.Helper()
	src := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
	dst := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 25}
	if src.IP.To4() == nil {
		dst.IP = net.ParseIP("2001:db8::9")
	}
	b, err := proxyproto.HeaderProxyFromAddrs(version, src, dst).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProxy(t *testing.T) {
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	v2local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for _, tt := range []struct {
		name, header string
		from         []netip.Prefix
		remote       string // empty: refused
	}{
		{"v1", proxyHeader(t, 1, "198.51.100.7:4000"), local, "198.51.100.7"},
		{"v1 over IPv6", proxyHeader(t, 1, "[2001:db8::7]:4000"), local, "2001:db8::7"},
		{"v2", proxyHeader(t, 2, "198.51.100.7:4000"), local, "198.51.100.7"},
		{"v2 over IPv6", proxyHeader(t, 2, "[2001:db8::7]:4000"), local, "2001:db8::7"},
		{"v2 health check", v2local, local, "127.0.0.1"},
		{"v2 health check that names a client", v2local[:13] + "\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x09\x0f\xa0\x00\x19", local, "127.0.0.1"}, // §2.2: it is discarded
		{"v1 unknown", "PROXY UNKNOWN\r\n", local, "127.0.0.1"},
		{"missing", "EHLO client.example\r\n", local, ""},
		{"malformed", "PROXY TCP4 1.2.3.4 nonsense 1 2\r\n", local, ""},
		{"endless", "PROXY TCP4 " + string(make([]byte, 200)), local, ""},
		{"v2 too long", v2local[:14] + "\xff\xff", local, ""},
		{"not believed", proxyHeader(t, 1, "198.51.100.7:4000"), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "127.0.0.1"},
		{"direct", "", nil, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, client := socket(t, &Config{Protocol: "smtp", ProxyFrom: tt.from})
			io.WriteString(client, tt.header+"NOOP\r\n")
			err := c.Start()
			if tt.remote == "" {
				if !errors.Is(err, ErrProxy) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || c.Remote().String() != tt.remote {
				t.Errorf("%v, %v", c.Remote(), err)
			}
			want := "NOOP"
			if tt.name == "not believed" {
				want = "PROXY TCP4 198.51.100.7 192.0.2.9 4000 25"
			}
			if line, _, err := c.ReadLine(100); string(line) != want || err != nil {
				t.Errorf("then %q %v", line, err)
			}
		})
	}
}

// TLS begins right behind the header.
func TestProxyThenTLS(t *testing.T) {
	server, roots := testTLS(t)
	c, client := socket(t, &Config{Protocol: "imap", TLS: server, Implicit: true, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	go func() {
		io.WriteString(client, proxyHeader(t, 2, "198.51.100.7:4000"))
		io.WriteString(roots.client(client), "a NOOP\r\n")
	}()
	if line, _, err := c.ReadLine(100); string(line) != "a NOOP" || err != nil {
		t.Errorf("%q %v", line, err)
	}
	if c.RemoteAddr().String() != "198.51.100.7:4000" {
		t.Error(c.RemoteAddr())
	}
}

// named is a pipe with an address.
type named struct{ net.Conn }

func (named) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 99} }

func TestProxyHeaderTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := NewConn(named{a}, &Config{Protocol: "imap", ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		go io.WriteString(b, "PROXY TCP4 ")
		begun := time.Now()
		if err := c.Start(); !errors.Is(err, ErrProxy) || time.Since(begun) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		b.Close()
	})
}

// No more is read of what a header may be than the specification's longest of
// version 1 (§2.1), and four kibibytes of version 2.
func TestProxyHeaderIsBounded(t *testing.T) {
	v2 := func(n int) string {
		return string(proxyproto.SIGV2) + "\x21\x11" + string([]byte{byte(n >> 8), byte(n)})
	}
	for _, tt := range []struct {
		name, header string
		read         int // octets
		err          error
	}{
		{"v1", "PROXY UNKNOWN " + strings.Repeat("f", 91) + "\r\n", 107, nil},
		{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("f", 92) + "\r\n", 107, proxyproto.ErrVersion1HeaderTooLong},
		{"v2", v2(4096), 16 + 4096, nil},
		{"v2 too long", v2(4097), 16, proxyproto.ErrInvalidLength},
	} {
		in := strings.NewReader(tt.header + strings.Repeat("x", 5000))
		all := in.Len()
		if _, err := readProxyOctets(in); err != tt.err || all-in.Len() != tt.read {
			t.Errorf("%s: %v, %d octets are read, not %d", tt.name, err, all-in.Len(), tt.read)
		}
	}
}

// FuzzProxy: whatever stands before the protocol, the header is read to its last
// octet and not one further, or the connection is refused.
func FuzzProxy(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 198.51.100.7 192.0.2.9 4000 25\r\nEHLO a\r\n", "PROXY TCP6 2001:db8::7 2001:db8::9 4000 25\r\n", "PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff\r\nx",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x09\x0f\xa0\x00\x19EHLO a\r\n", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00EHLO",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + string(make([]byte, 36)), "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8" + string(make([]byte, 216)), "EHLO a\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &played{in: bytes.NewReader(b)}
		c := NewConn(in, &Config{Protocol: "smtp", ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if err := c.readProxyHeader(); err != nil {
			if !errors.Is(err, ErrProxy) {
				t.Error(err)
			}
			return
		}
		header := b[:len(b)-in.in.Len()]
		end := bytes.IndexByte(header, '\n') + 1
		if bytes.HasPrefix(header, proxyproto.SIGV2) {
			end = proxyV2Head + int(header[14])<<8 + int(header[15])
		}
		if len(header) != end || !c.Remote().IsValid() {
			t.Errorf("%q is taken for a header, of %v", header, c.Remote())
		}
	})
}

// played is a connection whose peer has said all that it will say.
type played struct{ in *bytes.Reader }

func (c *played) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *played) Write(p []byte) (int, error)      { return len(p), nil }
func (c *played) Close() error                     { return nil }
func (c *played) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *played) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *played) SetDeadline(time.Time) error      { return nil }
func (c *played) SetReadDeadline(time.Time) error  { return nil }
func (c *played) SetWriteDeadline(time.Time) error { return nil }

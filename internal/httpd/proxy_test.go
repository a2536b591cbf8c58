package httpd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestForwarded: a proxy that is trusted says for whom it asks, and nobody else.
func TestForwarded(t *testing.T) {
	cfg := Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16")}}
	cfg.ClearFrom = func(a netip.Addr) bool { return a.IsLoopback() }
	h := cfg.forwarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, client(r), " ", r.Host, " ", cfg.private(r))
	}))
	for _, c := range []struct{ remote, forwarded, proto, want string }{
		{"127.0.0.1:5", "", "", "127.0.0.1 mail.example.org true"}, // from the machine itself
		{"127.0.0.1:5", "192.0.2.7", "", "192.0.2.7 mail.example.org false"},
		{"127.0.0.1:5", "192.0.2.7", "http", "192.0.2.7 mail.example.org false"},
		{"127.0.0.1:5", "192.0.2.7", "https", "192.0.2.7 mail.example.org true"},
		{"127.0.0.1:5", "192.0.2.7:4711", "HTTPS", "192.0.2.7 mail.example.org true"},
		{"127.0.0.1:5", "[2001:db8::7]:4711", "", "2001:db8::7 mail.example.org false"},
		{"127.0.0.1:5", "[2001:db8::7]", "", "2001:db8::7 mail.example.org false"},
		{"127.0.0.1:5", "127.0.0.1, 192.0.2.7", "", "192.0.2.7 mail.example.org false"}, // the client lies
		{"127.0.0.1:5", "198.51.100.1, 192.0.2.7, 10.1.2.3", "", "192.0.2.7 mail.example.org false"},
		{"127.0.0.1:5", "127.0.0.1", "", "127.0.0.1 mail.example.org true"},
		{"127.0.0.1:5", "unknown", "", "invalid IP mail.example.org false"},
		{"127.0.0.1:5", "unknown, 10.1.2.3", "", "invalid IP mail.example.org false"},
		{"192.0.2.9:5", "127.0.0.1", "https", "192.0.2.9 mail.example.org false"}, // no proxy of ours
	} {
		r := httptest.NewRequest("GET", "http://mail.example.org/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-Host", "localhost")
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want {
			t.Errorf("from %s, forwarded for %q by %q: %s, want %s", c.remote, c.forwarded, c.proto, got, c.want)
		}
	}
}

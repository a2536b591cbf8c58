package httpd

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded has requests that come from a trusted proxy count as those of the
// client for whom it asks: by its address, and by whether that one's connection
// had TLS. The name that was asked for stays the Host that the proxy passes on:
// X-Forwarded-Host would be a client's own word where a proxy lets it through,
// and the class page's guard would believe it.
func (cfg *Config) forwarded(next http.Handler) http.Handler {
	if len(cfg.TrustedProxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if told := r.Header.Values("X-Forwarded-For"); len(told) > 0 && cfg.trusts(client(r)) {
			r = cfg.as(r, strings.Split(strings.Join(told, ","), ","))
		}
		next.ServeHTTP(w, r)
	})
}

func (cfg *Config) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// as is the request as the client sent it. Each proxy adds the address that it
// was asked from at the end: what stands left of the last one that is no proxy
// of ours is anybody's word. Where no address can be read there is none, so that
// nothing is granted.
func (cfg *Config) as(r *http.Request, addresses []string) *http.Request {
	var from netip.Addr
	for _, text := range slices.Backward(addresses) {
		from = forwardedAddr(strings.TrimSpace(text))
		if !cfg.trusts(from) {
			break
		}
	}
	out := *r
	out.RemoteAddr, out.TLS = "", nil
	if from.IsValid() {
		out.RemoteAddr = netip.AddrPortFrom(from, 0).String()
	}
	protos := r.Header.Values("X-Forwarded-Proto")
	if len(protos) > 0 && strings.EqualFold(strings.TrimSpace(protos[len(protos)-1]), "https") {
		out.TLS = &tls.ConnectionState{} // of which the proxy knows the rest
	}
	return &out
}

// forwardedAddr is an address, with a port or without; invalid when it is none.
func forwardedAddr(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

package page

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxRequest is the most octets of a POST.
const maxRequest = 16 << 10

// policy is what browsers let the page do: nothing but what comes from here,
// and no script that is not a file of its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses other hosts' names, and tells browsers what the page may do.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if !s.near(r.RemoteAddr) {
			refuse(w, &problem{http.StatusForbidden, "not-allowed", "this page is not for your network"})
			return
		}
		if !s.allowed(r.Host) {
			refuse(w, &problem{http.StatusMisdirectedRequest, "host", "this page is at localhost"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// near: the client is in a network from which the page may be seen.
func (s *server) near(remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	ip := ap.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(s.From, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// allowed: a name under which the page is asked for, and which it doesn't know,
// can only be that of a stranger's page, made to lead here (DNS rebinding).
func (s *server) allowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() && ip.Zone() == "" {
		return true
	}
	for _, known := range append([]string{"localhost"}, s.Hosts...) {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

// post serves requests that change something: they need the token, and a
// Content-Type that no form of another page can send.
func post[In any](mux *http.ServeMux, s *server, pattern string, f func(ctx context.Context, in In) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("X-Posthorn-Token")
		if s.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) != 1 {
			refuse(w, &problem{http.StatusForbidden, "token", "the token that was printed at start is missing"})
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			refuse(w, &problem{http.StatusUnsupportedMediaType, "bad-request", "Content-Type must be application/json"})
			return
		}
		var in In
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil {
			refuse(w, &problem{http.StatusBadRequest, "bad-request", err.Error()})
			return
		}
		out, err := f(r.Context(), in)
		if err == nil && out == nil {
			out, err = s.state(r)
		}
		answer(w, out, err)
	})
}

package httpd

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"posthorn/internal/mail"
)

// refusal is an error with the status of its answer; its text is for the
// client.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errNoAddress = &refusal{http.StatusBadRequest, "no e-mail address was given"}
	errForeign   = &refusal{http.StatusNotFound, "mail for this domain is not kept here"}
	errInternal  = &refusal{http.StatusServiceUnavailable, "this cannot be answered now"}
)

// refuse answers with an error in plain text.
func (cfg *Config) refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		cfg.Log.Internal("", "answering a set-up request", err)
		r = errInternal
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, r.text, r.status)
}

// address reads the address that is asked about. Its domain must be ours;
// whether it is anybody's is not looked at.
func (cfg *Config) address(r *http.Request, text string) (mail.Address, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return mail.Address{}, errNoAddress
	}
	addr, err := mail.ParseAddress(text)
	if err != nil || addr.Domain == "" {
		return mail.Address{}, &refusal{http.StatusBadRequest, "that is no e-mail address"}
	}
	ours, err := cfg.IsDomain(r.Context(), addr.Domain)
	if err != nil {
		return mail.Address{}, err
	}
	if !ours {
		return mail.Address{}, errForeign
	}
	return addr, nil
}

// hostDomain is the domain of ours that a request without an address is about,
// by the name that it was sent to: the domain's own, or one under it that the
// format has. Empty: none.
func (cfg *Config) hostDomain(r *http.Request, label string) (string, error) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	domain := mail.DomainKey(strings.TrimSuffix(host, "."))
	domain = strings.TrimPrefix(domain, label+".")
	ours, err := cfg.IsDomain(r.Context(), domain)
	if err != nil || !ours {
		return "", err
	}
	return domain, nil
}

// client is the address that a request comes from; invalid when it has none.
func client(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// private reports whether a password may come with this request, and an app
// password go back with its answer.
func (cfg *Config) private(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	from := client(r)
	return from.IsValid() && cfg.ClearFrom != nil && cfg.ClearFrom(from)
}

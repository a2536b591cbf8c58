package auth

import (
	"crypto/tls"
	"fmt"
	"strings"

	xdg "github.com/xdg-go/scram"
)

// Channel binding ties an exchange to the TLS connection that it goes over
// (RFC 5056): who stands in between, with a connection to either side, cannot
// pass the client's proof on, however it came by a certificate.
//
// The one kind offered is tls-exporter (RFC 9266), under TLS 1.3 only, where
// it is every client's default. Under TLS 1.2 it would need the extended master
// secret on both sides (RFC 9266 §4.2), and clients there take tls-unique (RFC
// 5802 §6.1), which is broken without that; a client that saw -PLUS offered would
// have to use it, and fail. So under TLS 1.2 nothing is bound, and none offered.

// Two failures that an honest client hardly causes: the log shows them.
var (
	errRemoved    = fmt.Errorf("%w: the client supports channel binding and was not offered it: somebody may be in between", ErrFailed)
	errNotThisTLS = fmt.Errorf("%w: the client's TLS connection is not this one: somebody may be in between", ErrFailed)
	errBinding    = fmt.Errorf("%w: no such channel binding with this mechanism", ErrFailed)
)

// binding is what the exporter gives for a connection; over is nil for one in
// clear. Where nothing is offered that could be bound to it is not Supported.
func (a *Authenticator) binding(over *tls.ConnectionState) xdg.ChannelBinding {
	if !a.cfg.ChannelBinding || over == nil || over.Version < tls.VersionTLS13 {
		return xdg.ChannelBinding{}
	}
	b, err := xdg.NewTLSExporterBinding(over)
	if err != nil { // no handshake yet
		return xdg.ChannelBinding{}
	}
	return b
}

// checkBinding judges the flag in client-first-message (RFC 5802 §6, RFC 5801
// §5). "p" comes with -PLUS alone, and -PLUS with "p" alone. What is no flag at
// all is xdg-go/scram's to refuse; it would do the same with a kind of binding
// that it has not heard of.
func (s *scram) checkBinding(message string) error {
	flag, _, _ := strings.Cut(message, ",")
	kind, bound := strings.CutPrefix(flag, "p=")
	switch {
	case bound && !isBindingName(kind):
		return ErrMalformed
	case bound != s.plus, bound && kind != string(s.binding.Type):
		return errBinding
	case flag == "y" && s.binding.IsSupported():
		return errRemoved
	}
	return nil
}

// isBindingName is RFC 5802 §7's cb-name.
func isBindingName(kind string) bool {
	return kind != "" && !strings.ContainsFunc(kind, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-')
	})
}

// scramError tells what a refusal by xdg-go/scram means: it has words for the
// client where the message was understood, and none where it was not.
func scramError(refusal string) error {
	switch refusal {
	case "", xdg.ErrInvalidEncoding, xdg.ErrInvalidUsernameEncoding:
		return ErrMalformed
	case xdg.ErrChannelBindingsDontMatch:
		return errNotThisTLS
	}
	return ErrFailed
}

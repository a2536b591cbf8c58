package deliver

import (
	"net/netip"
	"strings"
	"time"

	"posthorn/internal/mail"
)

// dateTime is RFC 5322's date-time (§3.3).
const dateTime = "Mon, 2 Jan 2006 15:04:05 -0700"

// received is the Received field (RFC 5321 §4.4). What the client chose is let
// in only where it is what the grammar has in that place. The recipient is
// named only where there is one: more would tell each of the others.
func received(hostname string, c *Client, env *mail.Envelope, id string, now time.Time) []byte {
	b := make([]byte, 0, 512)
	b = append(b, "Received: from "...)
	b = append(b, heloName(c.Helo, c.Remote)...)
	b = append(b, " ("...)
	b = append(b, addressLiteral(c.Remote)...)
	b = append(b, ")\r\n\tby "...)
	b = append(b, hostname...)
	b = append(b, " with "...)
	b = append(b, c.Protocol...)
	b = append(b, " id "...)
	b = append(b, id...)
	if version, cipher, ok := strings.Cut(c.TLS, " "); ok {
		b = append(b, "\r\n\t(version="...)
		b = append(b, strings.ReplaceAll(version, ".", "_")...)
		b = append(b, " cipher="...)
		b = append(b, cipher...)
		b = append(b, ')')
	}
	if len(env.To) == 1 && (env.UTF8 || env.To[0].Address.IsASCII()) {
		b = append(b, "\r\n\tfor <"...)
		b = append(b, env.To[0].Address.String()...)
		b = append(b, '>')
	}
	b = append(b, ";\r\n\t"...)
	b = now.AppendFormat(b, dateTime)
	return append(b, "\r\n"...)
}

// heloName is the name that the client gave, or its address literal where the
// name is none (RFC 5321 §4.1.2: Domain or address-literal).
func heloName(helo string, remote netip.Addr) string {
	if mail.ValidDomain(helo) && isASCII(helo) {
		return helo
	}
	return addressLiteral(remote)
}

// addressLiteral is RFC 5321 §4.1.3's.
func addressLiteral(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "[0.0.0.0]"
	case a.Is6():
		return "[IPv6:" + a.String() + "]"
	}
	return "[" + a.String() + "]"
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

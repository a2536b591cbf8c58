package mail

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Octet limits of RFC 5321 §4.5.3.1.
const (
	MaxLocalPart = 64
	MaxDomain    = 255
)

// Address is SMTP's Mailbox (RFC 5321 §4.1.2): Local@Domain. The zero Address
// is the null reverse-path, <>.
type Address struct {
	// Local is the local part with its quoting removed.
	Local string
	// Domain is in lower case; an address literal keeps its brackets. It is
	// empty only in the zero Address and in <Postmaster> (RFC 5321 §4.5.1).
	Domain string
}

// IsNull reports whether a is the null reverse-path.
func (a Address) IsNull() bool { return a == Address{} }

// String is the address as it goes between angle brackets, quoted where the
// local part is no dot-string. The null reverse-path is the empty string.
func (a Address) String() string {
	if a.IsNull() {
		return ""
	}
	local := a.Local
	if !isDotString(local) {
		local = quote(local)
	}
	if a.Domain == "" {
		return local
	}
	return local + "@" + a.Domain
}

// Key is the form under which an address is looked up: local part and domain
// in lower case, the domain in its ASCII form (RFC 5890's A-labels).
func (a Address) Key() string {
	return strings.ToLower(a.Local) + "@" + DomainKey(a.Domain)
}

// IsASCII reports whether the address can travel without SMTPUTF8.
func (a Address) IsASCII() bool { return isASCII(a.Local) && isASCII(a.Domain) }

// WithoutTag is a without what follows the first "+" of its local part
// (subaddressing, RFC 5233 §1). A local part that begins with "+" has no tag.
func (a Address) WithoutTag() (Address, bool) {
	i := strings.IndexByte(a.Local, '+')
	if i <= 0 {
		return a, false
	}
	a.Local = a.Local[:i]
	return a, true
}

// DomainKey is a domain in lower case and ASCII form, or just in lower case
// where it has none.
func DomainKey(domain string) string {
	if isASCII(domain) {
		return strings.ToLower(domain)
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		return ascii
	}
	return strings.ToLower(domain)
}

// ParseAddress reads local@domain (RFC 5321 §4.1.2's Mailbox with RFC 6531's
// UTF-8), without angle brackets. Errors wrap ErrInvalid and say what is wrong.
func ParseAddress(s string) (Address, error) {
	a, rest, err := cutMailbox(s)
	if err != nil {
		return Address{}, err
	}
	if rest != "" {
		return Address{}, invalidf("unexpected %q after the address", clip(rest))
	}
	return a, nil
}

// CutPath reads a forward- or reverse-path from the front of s, <…> with its
// angle brackets, and returns what follows it. A source route is read and
// dropped (RFC 5321 §4.1.1.3). The null path <> gives the zero Address, and
// <Postmaster> (in any case) gives an Address without domain: whether either
// is allowed is the caller's to say. Errors wrap ErrInvalid.
func CutPath(s string) (a Address, rest string, err error) {
	in, ok := strings.CutPrefix(s, "<")
	if !ok {
		return Address{}, s, invalidf("the address must stand in <angle brackets>")
	}
	if rest, ok := strings.CutPrefix(in, ">"); ok {
		return Address{}, rest, nil
	}
	if in, err = dropRoute(in); err != nil {
		return Address{}, s, err
	}
	if len(in) > len("postmaster") && strings.EqualFold(in[:len("postmaster")], "postmaster") && in[len("postmaster")] == '>' {
		return Address{Local: in[:len("postmaster")]}, in[len("postmaster")+1:], nil
	}
	a, in, err = cutMailbox(in)
	if err != nil {
		return Address{}, s, err
	}
	rest, ok = strings.CutPrefix(in, ">")
	if !ok {
		return Address{}, s, invalidf("the address does not end in >")
	}
	return a, rest, nil
}

// dropRoute removes "@a,@b:" (RFC 5321 Appendix C).
func dropRoute(s string) (string, error) {
	if !strings.HasPrefix(s, "@") {
		return s, nil
	}
	route, rest, ok := strings.Cut(s, ":")
	if !ok {
		return s, invalidf("the source route has no colon")
	}
	for hop := range strings.SplitSeq(route, ",") {
		domain, ok := strings.CutPrefix(hop, "@")
		if !ok {
			return s, invalidf("bad source route")
		}
		if _, err := parseDomain(domain); err != nil {
			return s, err
		}
	}
	return rest, nil
}

// cutMailbox reads local@domain up to the first octet that cannot belong to it.
func cutMailbox(s string) (Address, string, error) {
	local, rest, err := cutLocal(s)
	if err != nil {
		return Address{}, s, err
	}
	rest, ok := strings.CutPrefix(rest, "@")
	if !ok {
		return Address{}, s, invalidf("no @ after the local part %q", clip(local))
	}
	end := strings.IndexAny(rest, "> \t")
	if strings.HasPrefix(rest, "[") {
		if end = strings.IndexByte(rest, ']'); end >= 0 {
			end++
		}
	}
	if end < 0 {
		end = len(rest)
	}
	domain, err := parseDomain(rest[:end])
	if err != nil {
		return Address{}, s, err
	}
	if len(local) > MaxLocalPart {
		return Address{}, s, invalidf("the local part is longer than %d octets", MaxLocalPart)
	}
	return Address{Local: local, Domain: domain}, rest[end:], nil
}

// cutLocal reads a dot-string or a quoted-string and returns its content. Dots
// at an end and in a row are taken without quotes too: Japanese carriers gave
// out such addresses, and their mail comes in as they are written.
func cutLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s[1:])
	}
	i := 0
	for i < len(s) && (isAtext(s[i]) || s[i] == '.') {
		i++
	}
	local = s[:i]
	switch {
	case local == "":
		return "", s, invalidf("the local part is empty")
	case !isText(local):
		return "", s, invalidf("the local part is not UTF-8 text")
	}
	return local, s[i:], nil
}

// cutQuoted reads the rest of a quoted-string (RFC 5321 §4.1.2, qtextSMTP and
// quoted-pairSMTP).
func cutQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			if !isText(b.String()) {
				return "", s, invalidf("the local part is not UTF-8 text")
			}
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s) && s[i+1] >= ' ' && s[i+1] < 0x7f:
			i++
			b.WriteByte(s[i])
		case c < ' ' || c == 0x7f || c == '\\':
			return "", s, invalidf("a control character or a lone backslash in the quoted local part")
		default:
			b.WriteByte(c)
		}
	}
	return "", s, invalidf("the quoted local part does not end")
}

// parseDomain checks a domain or an address literal and puts it in lower case.
func parseDomain(s string) (string, error) {
	if strings.HasPrefix(s, "[") {
		return parseLiteral(s)
	}
	if s == "" || len(s) > MaxDomain {
		return "", invalidf("the domain is empty or longer than %d octets", MaxDomain)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, notInLabel) {
		return "", invalidf("the domain is not UTF-8, or has an invisible character")
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", invalidf("bad domain %q", clip(s))
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' && c < 0x80 {
				return "", invalidf("bad domain %q", clip(s))
			}
		}
	}
	return strings.ToLower(s), nil
}

// notInLabel reports whether a character can be seen in no label of a domain:
// controls, formatting, spaces. The two joiners change what is seen (RFC 5892
// §A.1, §A.2).
func notInLabel(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return !unicode.IsPrint(r) && r != nonJoiner && r != joiner
}

// parseLiteral checks [192.0.2.1] and [IPv6:2001:db8::1] (RFC 5321 §4.1.3).
func parseLiteral(s string) (string, error) {
	in := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if len(in)+2 != len(s) {
		return "", invalidf("bad address literal %q", clip(s))
	}
	v6 := len(in) > 5 && strings.EqualFold(in[:5], "IPv6:")
	if v6 {
		in = in[5:]
	}
	ip, err := netip.ParseAddr(in)
	if err != nil || ip.Zone() != "" || ip.Is4() == v6 {
		return "", invalidf("bad address literal %q", clip(s))
	}
	return strings.ToLower(s), nil
}

// ValidDomain reports whether s is a domain or an address literal as RFC 5321
// §4.1.2 has it (underscores, which are in use, are allowed).
func ValidDomain(s string) bool {
	_, err := parseDomain(s)
	return err == nil
}

func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") || !isText(s) {
		return false
	}
	for i := range len(s) {
		if !isAtext(s[i]) && s[i] != '.' {
			return false
		}
	}
	return true
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// isText reports whether s is UTF-8 without control characters: C0, and C1
// too, which UTF-8 text has no use for (RFC 5198 §2).
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isAtext is RFC 5322's atext, with RFC 6531's UTF-8 octets.
func isAtext(c byte) bool {
	return isAlphanumeric(c) || c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

package store

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"posthorn/internal/mail"
)

// canonicalName writes INBOX in capitals, also where it is the first level of
// another name (RFC 9051 §5.1).
func canonicalName(name string) string {
	first, rest, below := strings.Cut(name, "/")
	if !strings.EqualFold(first, inbox) || len(first) != len(inbox) {
		return name
	}
	if !below {
		return inbox
	}
	return inbox + "/" + rest
}

// validName refuses what no mailbox may be called: levels without a name,
// control characters, and octets that are not UTF-8. The wildcards of LIST are
// legal in names (RFC 9051 §6.3.9 only warns of them).
func validName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a mailbox needs a name: %w", mail.ErrInvalid)
	case len(name) > maxMailboxName:
		return fmt.Errorf("a mailbox's name has at most %d octets: %w", maxMailboxName, mail.ErrInvalid)
	case !utf8.ValidString(name):
		return fmt.Errorf("a mailbox's name is UTF-8: %w", mail.ErrInvalid)
	case name[0] == '/' || name[len(name)-1] == '/' || strings.Contains(name, "//"):
		return fmt.Errorf("a level of a mailbox's name is empty: %w", mail.ErrInvalid)
	case strings.Count(name, "/") >= maxLevels:
		return fmt.Errorf("a mailbox's name has at most %d levels: %w", maxLevels, mail.ErrInvalid)
	case strings.ContainsFunc(name, unforeseen):
		return fmt.Errorf("a mailbox's name holds a control character: %w", mail.ErrInvalid)
	}
	return nil
}

// unforeseen are the characters that RFC 5198 §2 keeps out of names: controls,
// and the separators of lines and paragraphs.
func unforeseen(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// levelsAbove lists the names above name, the topmost first.
func levelsAbove(name string) []string {
	var levels []string
	for i := range len(name) {
		if name[i] == '/' {
			levels = append(levels, name[:i])
		}
	}
	return levels
}

// compareNames orders INBOX first, and what is below a name right after it.
func compareNames(a, b string) int {
	if (a == inbox) != (b == inbox) {
		if a == inbox {
			return -1
		}
		return 1
	}
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

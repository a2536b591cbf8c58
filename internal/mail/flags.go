package mail

import (
	"slices"
	"strings"
)

// SystemFlags are IMAP's system flags (RFC 9051 §2.3.2) as bits. The values
// are stored: they never change.
type SystemFlags uint8

const (
	Seen SystemFlags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft
)

var systemNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}

// Flags is the set of flags on one message in one mailbox.
type Flags struct {
	System SystemFlags
	// Keywords is sorted, without duplicates (compared without regard to case).
	Keywords []string
}

// ParseSystemFlag finds the bit of a name such as `\Seen`, in any case.
func ParseSystemFlag(name string) (SystemFlags, bool) {
	for i, n := range systemNames {
		if strings.EqualFold(n, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// With is f and other together.
func (f Flags) With(other Flags) Flags {
	return Flags{f.System | other.System, mergeKeywords(f.Keywords, other.Keywords)}
}

// Without is f less other.
func (f Flags) Without(other Flags) Flags {
	var left []string
	for _, k := range f.Keywords {
		if !hasKeyword(other.Keywords, k) {
			left = append(left, k)
		}
	}
	return Flags{f.System &^ other.System, left}
}

// Equal reports whether both sets hold the same flags.
func (f Flags) Equal(other Flags) bool {
	return f.System == other.System && slices.EqualFunc(f.Keywords, other.Keywords, strings.EqualFold)
}

// Has reports whether the set holds the system flag or keyword of that name.
func (f Flags) Has(name string) bool {
	if bit, ok := ParseSystemFlag(name); ok {
		return f.System&bit != 0
	}
	return hasKeyword(f.Keywords, name)
}

// Append writes the flags as IMAP's flag list, without its parentheses.
func (f Flags) Append(b []byte) []byte {
	start := len(b)
	for i, name := range systemNames {
		if f.System&(1<<i) != 0 {
			if len(b) > start {
				b = append(b, ' ')
			}
			b = append(b, name...)
		}
	}
	for _, k := range f.Keywords {
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, k...)
	}
	return b
}

func (f Flags) String() string { return string(f.Append(nil)) }

// NewFlags builds a set from names; those that begin with a backslash and are
// no system flag are left out.
func NewFlags(names ...string) Flags {
	var f Flags
	for _, n := range names {
		if bit, ok := ParseSystemFlag(n); ok {
			f.System |= bit
		} else if n != "" && n[0] != '\\' {
			f.Keywords = mergeKeywords(f.Keywords, []string{n})
		}
	}
	return f
}

func hasKeyword(list []string, k string) bool {
	_, found := slices.BinarySearchFunc(list, k, compareFold)
	return found
}

func mergeKeywords(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	out := slices.Clone(a)
	for _, k := range b {
		if i, found := slices.BinarySearchFunc(out, k, compareFold); !found {
			out = slices.Insert(out, i, k)
		}
	}
	return out
}

func compareFold(a, b string) int {
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

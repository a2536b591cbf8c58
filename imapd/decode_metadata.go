package imapd

import (
	"bytes"
	"strings"
)

const (
	// maxEntries is the most entries that one command names.
	maxEntries = 100
	// maxEntry is the most octets of an entry's name, the store's limit.
	maxEntry = 256
	// allDepths is DEPTH infinity.
	allDepths = 1 << 30
)

// entryValue is an entry of SETMETADATA with its value; nil is NIL.
type entryValue struct {
	entry string // in lower case
	value []byte
}

// getMetadataArgs are the arguments of GETMETADATA.
type getMetadataArgs struct {
	mailbox string // empty: of the server
	// maxSize is MAXSIZE, -1 when it wasn't given.
	maxSize int64
	// depth is how many levels below the entries are asked for.
	depth   int
	entries []string // as the client wrote them
}

// getMetadataArgs decodes from the space after the command's name on. RFC 5464
// has the options before the mailbox in its grammar (§5), behind it in its
// examples (§4.2): both are taken, once.
func (d *decoder) getMetadataArgs() getMetadataArgs {
	a := getMetadataArgs{maxSize: -1}
	d.sp()
	options := d.peek() == '('
	if options {
		d.metadataOptions(&a)
		d.sp()
	}
	a.mailbox = d.metadataMailbox()
	d.sp()
	if !options && d.peek() == '(' && d.optionAhead() {
		d.metadataOptions(&a)
		d.sp()
	}
	a.entries = d.metadataEntries()
	return a
}

// optionAhead tells a list of options from one of entries, which begin with "/".
func (d *decoder) optionAhead() bool {
	rest := d.b[d.pos+1:]
	return len(rest) > 0 && rest[0] != '/' && rest[0] != '"' && rest[0] != '{'
}

// metadataOptions decodes GETMETADATA's options (RFC 5464 §4.2.1, §4.2.2).
func (d *decoder) metadataOptions(a *getMetadataArgs) {
	d.params("GETMETADATA option", func(name string) bool {
		switch name {
		case "MAXSIZE":
			d.sp()
			a.maxSize = int64(d.digits(1<<32-1, false, "a number"))
		case "DEPTH":
			d.sp()
			switch {
			case d.keyword("0"):
				a.depth = 0
			case d.keyword("1"):
				a.depth = 1
			case d.keyword("INFINITY"):
				a.depth = allDepths
			default:
				d.fail("0, 1 or infinity")
			}
		default:
			return false
		}
		return true
	})
}

// metadataMailbox decodes a mailbox name, or "" for the server.
func (d *decoder) metadataMailbox() string {
	if bytes.HasPrefix(d.b[min(d.pos, len(d.b)):], []byte(`""`)) && d.err == nil {
		d.pos += 2
		return ""
	}
	return d.mailbox()
}

// metadataEntries decodes one entry, or several in parentheses.
func (d *decoder) metadataEntries() []string {
	if d.peek() != '(' {
		return []string{d.entry(1)}
	}
	var entries []string
	d.list1("an entry such as /private/comment", func() {
		if len(entries) >= maxEntries {
			d.limit("One command names at most %d entries", maxEntries)
		}
		entries = append(entries, d.entry(1))
	})
	return entries
}

// setMetadataArgs decodes SETMETADATA's mailbox and entries with their values
// from the space after its name on.
func (d *decoder) setMetadataArgs() (mailbox string, list []entryValue) {
	d.sp()
	mailbox = d.metadataMailbox()
	d.sp()
	d.list1("an entry such as /private/comment", func() {
		if len(list) >= maxEntries {
			d.limit("One command sets at most %d entries", maxEntries)
		}
		e := entryValue{entry: strings.ToLower(d.entry(2))}
		d.sp()
		e.value = d.metadataValue()
		list = append(list, e)
	})
	return mailbox, list
}

// entry decodes an entry's name with at least so many levels (RFC 5464 §3.2):
// one that only leads to others, such as /private, can be asked for, with DEPTH.
func (d *decoder) entry(levels int) string {
	start := d.pos
	name := d.astring("an entry such as /private/comment")
	if d.err != nil {
		return ""
	}
	if why := entryFault(name, levels); why != "" {
		d.pos = start
		d.fail(why)
		return ""
	}
	if len(name) > maxEntry {
		d.limit("An entry's name is longer than %d octets", maxEntry)
	}
	return name
}

// entryFault says what an entry's name should be and isn't, or nothing.
func entryFault(name string, levels int) string {
	parts := strings.Split(name, "/")[1:]
	switch {
	case len(parts) == 0 || name[0] != '/' || !strings.EqualFold(parts[0], "private") && !strings.EqualFold(parts[0], "shared"):
		return "an entry that begins with /private or /shared"
	case name[len(name)-1] == '/' || strings.Contains(name, "//"):
		return "an entry without empty levels"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '*' || r == '%' }):
		return "an entry in printable ASCII without * and %"
	case levels > 1 && (len(parts) < 2 || len(parts) < 4 && strings.EqualFold(parts[1], "vendor")):
		return "an entry of two levels at least, four below vendor"
	}
	return ""
}

// metadataValue decodes a value: NIL is nil, anything else is not.
func (d *decoder) metadataValue() []byte {
	if d.peek() == '~' {
		return d.literal8()
	}
	s, ok := d.nstring("a value: a string, a literal or NIL")
	if !ok {
		return nil
	}
	return []byte(s)
}

// literal8 decodes a literal8 with its octets (RFC 3516 §4.4), NULs included.
func (d *decoder) literal8() []byte {
	start := d.pos
	h := d.literalHeader()
	d.expect('\r')
	d.expect('\n')
	if d.err != nil {
		return nil
	}
	if h.size > int64(len(d.b)-d.pos) {
		d.pos = start
		d.fail("a literal")
		return nil
	}
	octets := d.b[d.pos : d.pos+int(h.size)]
	d.pos += len(octets)
	return append([]byte{}, octets...)
}

package imapd

import (
	"posthorn/internal/mail"
)

// maxFlags is the most flags that one command may name, more than any client
// sets at once.
const maxFlags = 100

// maxFlagName is the most octets of a keyword.
const maxFlagName = 128

// flag decodes a flag: a system flag with its backslash, or a keyword.
func (d *decoder) flag() string {
	if d.take('\\') {
		return `\` + d.atom("a flag")
	}
	return d.atom("a flag")
}

// flagList decodes a list of flags in parentheses. Flags that begin with a
// backslash and are none of the five that can be set, such as \Recent, are left
// out: RFC 9051 §7.1 (PERMANENTFLAGS) lets a server ignore them.
func (d *decoder) flagList() mail.Flags {
	var names []string
	d.list(func() { names = d.appendFlag(names) })
	return d.flags(names)
}

// bareFlags decodes flags without parentheses, as STORE takes them too.
func (d *decoder) bareFlags() mail.Flags {
	names := d.appendFlag(nil)
	for d.moreArgs() {
		d.sp()
		names = d.appendFlag(names)
	}
	return d.flags(names)
}

func (d *decoder) appendFlag(names []string) []string {
	name := d.flag()
	if len(names) >= maxFlags {
		d.limit("More than %d flags in one command", maxFlags)
	}
	if len(name) > maxFlagName {
		d.limit("The flag's name is longer than %d octets", maxFlagName)
	}
	return append(names, name)
}

func (d *decoder) flags(names []string) mail.Flags {
	if d.err != nil {
		return mail.Flags{}
	}
	return mail.NewFlags(names...)
}

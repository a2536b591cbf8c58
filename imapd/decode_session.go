package imapd

import "posthorn/internal/mail"

// maxIDPairs is the most fields of an ID command, maxIDField the most octets of
// a name, maxIDValue of a value (RFC 2971 §3.3).
const (
	maxIDPairs = 30
	maxIDField = 30
	maxIDValue = 1024
)

// idField is one field that a client tells of itself.
type idField struct{ name, value string }

// idArgs decodes ID's parameters from the space after its name on. Fields with
// the value NIL are left out.
func (d *decoder) idArgs() []idField {
	d.sp()
	if d.keyword("NIL") {
		return nil
	}
	var fields []idField
	pairs := 0
	d.list(func() {
		name := d.text("a field name in quotes")
		d.sp()
		value, ok := d.nstring("a value in quotes, or NIL")
		if pairs++; pairs > maxIDPairs || len(name) > maxIDField || len(value) > maxIDValue {
			d.fail("at most 30 fields, their names of at most 30 octets, their values of at most 1024 (RFC 2971)")
		}
		if ok && d.err == nil {
			fields = append(fields, idField{name, value})
		}
	})
	return fields
}

// enableArgs decodes the capabilities to enable, in upper case, from the space
// after ENABLE on.
func (d *decoder) enableArgs() []string {
	var caps []string
	d.sp()
	for d.err == nil {
		caps = append(caps, d.upperAtom("a capability"))
		if !d.moreArgs() {
			break
		}
		d.sp()
	}
	return caps
}

// loginArgs decodes user name and password from the space after LOGIN on.
func (d *decoder) loginArgs() (user, password string) {
	d.sp()
	user = d.astring("a user name")
	d.sp()
	password = d.astring("a password")
	return user, password
}

// authenticateArgs are the arguments of AUTHENTICATE.
type authenticateArgs struct {
	mechanism string // in upper case
	// initial is the initial response (RFC 4959), still in base 64, "=" for an
	// empty one; hasInitial tells whether there is one.
	initial    string
	hasInitial bool
}

// authenticateArgs decodes from the space after the command's name on.
func (d *decoder) authenticateArgs() authenticateArgs {
	var a authenticateArgs
	d.sp()
	a.mechanism = d.upperAtom("an authentication mechanism")
	if d.moreArgs() {
		d.sp()
		a.hasInitial = true
		a.initial = d.while(func(c byte) bool {
			return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || isDigit(c) || c == '+' || c == '/' || c == '='
		})
		if a.initial == "" {
			d.fail("an initial response in base 64, or =")
		}
	}
	return a
}

// selectArgs are the arguments of SELECT and EXAMINE.
type selectArgs struct {
	mailbox string
	given   string // as the client wrote it, not normalised
	// condstore is the parameter CONDSTORE (RFC 7162 §3.1.8).
	condstore bool
	// resync is the parameter QRESYNC, nil when it wasn't given.
	resync *resync
}

// selectArgs decodes from the space after the command's name on.
func (d *decoder) selectArgs() selectArgs {
	var a selectArgs
	d.sp()
	a.mailbox = d.mailbox()
	a.given = d.given
	if d.moreArgs() {
		d.sp()
		d.params("SELECT parameter", func(name string) bool {
			switch {
			case name == "CONDSTORE":
				a.condstore = true
			case name == "QRESYNC" && a.resync == nil:
				d.sp()
				a.resync = d.resync()
			default:
				return false
			}
			return true
		})
	}
	return a
}

// resync decodes the arguments of QRESYNC (RFC 7162 §7).
func (d *decoder) resync() *resync {
	r := new(resync)
	d.expect('(')
	r.uidValidity = d.nzNumber()
	d.sp()
	r.modSeq = mail.ModSeq(d.nzNumber64())
	more := d.take(' ')
	if more && d.peek() != '(' {
		r.known = d.plainSet().resolve(0)
		more = d.take(' ')
	}
	if more {
		d.expect('(')
		r.seqs = d.ascendingSet()
		d.sp()
		r.uids = d.ascendingSet()
		if r.seqs.Len() != r.uids.Len() {
			d.fail("as many UIDs as numbers")
		}
		d.expect(')')
	}
	d.expect(')')
	return r
}

// createArgs are the arguments of CREATE.
type createArgs struct {
	mailbox string
	given   string   // as the client wrote it, not normalised
	use     []string // special uses (RFC 6154 §3), such as \Sent
}

// createArgs decodes from the space after the command's name on.
func (d *decoder) createArgs() createArgs {
	var a createArgs
	d.sp()
	a.mailbox = d.newMailbox()
	a.given = d.given
	if d.moreArgs() {
		d.sp()
		d.params("CREATE parameter", func(name string) bool {
			if name != "USE" {
				return false
			}
			d.sp()
			d.list(func() {
				if d.peek() != '\\' {
					d.fail(`a special use such as \Sent`)
				}
				a.use = append(a.use, d.flag())
			})
			return true
		})
	}
	return a
}

// mailboxArg decodes the one mailbox name of DELETE, SUBSCRIBE, UNSUBSCRIBE.
func (d *decoder) mailboxArg() string {
	d.sp()
	return d.mailbox()
}

// renameArgs are the arguments of RENAME.
type renameArgs struct {
	from, to           string
	givenFrom, givenTo string // as the client wrote them, not normalised
}

// renameArgs decodes from the space after the command's name on.
func (d *decoder) renameArgs() renameArgs {
	var a renameArgs
	d.sp()
	a.from = d.mailbox()
	a.givenFrom = d.given
	d.sp()
	a.to = d.newMailbox()
	a.givenTo = d.given
	return a
}

// compressArgs decodes the algorithm's name (RFC 4978 §5) from the space before
// it on.
func (d *decoder) compressArgs() string {
	d.sp()
	return d.upperAtom("DEFLATE")
}

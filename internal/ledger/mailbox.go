package ledger

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// body is what a UID names.
type body struct {
	id  string // its Message-ID
	sum [sha256.Size]byte
}

func bodyOf(octets []byte) (b body, whole bool) {
	b.id, whole = identify(octets)
	b.sum = sha256.Sum256(octets)
	return b, whole
}

// box is a mailbox as its client was told of it, known by its UIDVALIDITY,
// which no other mailbox of the server ever has.
type box struct {
	name    string
	uidNext imap.UID
	modSeq  uint64
	bodies  map[imap.UID]body   // all that were ever told
	mail    map[imap.UID]string // those that are there, with their flags
}

func newBox(name string) *box {
	return &box{name: name, bodies: map[imap.UID]body{}, mail: map[imap.UID]string{}}
}

// numbers notes the numbers that were told.
func (b *box) numbers(next imap.UID, modSeq uint64) {
	b.uidNext, b.modSeq = max(b.uidNext, next), max(b.modSeq, modSeq)
}

// highest is the last UID that was told with its body.
func (b *box) highest() (uid imap.UID) {
	for u := range b.bodies {
		uid = max(uid, u)
	}
	return uid
}

// doubt is an operation whose answer did not come. The zero value is none.
type doubt struct {
	create, remove string       // mailboxes by name, of which there is one more or less; both: it was renamed
	from           uint32       // the mailbox
	uids           []imap.UID   // whose messages may be gone
	flagged        bool         // or only have other flags
	to             uint32       // the mailbox
	added          map[body]int // that may have these more
	moved          bool         // each is in one of the two
}

func (d *doubt) mayLack(validity uint32, uid imap.UID) bool {
	return d.from == validity && !d.flagged && slices.Contains(d.uids, uid)
}

// verifier compares what was told with what is there.
type verifier struct {
	doubt    doubt
	problems []string
	toAdd    int // messages that an operation in doubt adds
	added    int // those of them that are there
	gone     int // messages in doubt that are not there
}

func (v *verifier) report(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// names compares the mailboxes by name.
func (v *verifier) names(told, now map[string]uint32) {
	for name, validity := range told {
		found, ok := now[name]
		switch {
		case ok && validity != 0 && found != validity:
			v.report("mailbox %q had UIDVALIDITY %d and has %d", name, validity, found)
		case !ok && name != v.doubt.remove:
			v.report("mailbox %q is gone", name)
		}
	}
	for name, validity := range now {
		if _, ok := told[name]; !ok && name != v.doubt.create && name != "INBOX" {
			v.report("mailbox %q has come out of nothing", name)
		}
		if name == v.doubt.create && v.doubt.remove != "" && told[v.doubt.remove] != validity {
			v.report("mailbox %q was renamed to %q and has another UIDVALIDITY", v.doubt.remove, name)
		}
	}
	if v.doubt.create != "" && v.doubt.remove != "" {
		_, before := now[v.doubt.remove]
		if _, after := now[v.doubt.create]; before == after {
			v.report("of mailbox %q and its new name %q both are there, or neither is", v.doubt.remove, v.doubt.create)
		}
	}
}

// box compares one mailbox. arrivals says that others put messages into it.
func (v *verifier) box(validity uint32, told, now *box, arrivals bool) {
	if now.uidNext < told.uidNext {
		v.report("%s: UIDNEXT fell from %d to %d", told.name, told.uidNext, now.uidNext)
	}
	if now.modSeq < told.modSeq {
		v.report("%s: HIGHESTMODSEQ fell from %d to %d", told.name, told.modSeq, now.modSeq)
	}
	for uid, flags := range told.mail {
		found, ok := now.mail[uid]
		switch {
		case !ok && v.doubt.mayLack(validity, uid):
			v.gone++
		case !ok:
			v.report("%s: UID %d (%s) is gone", told.name, uid, told.bodies[uid].id)
		case found != flags && !(v.doubt.from == validity && slices.Contains(v.doubt.uids, uid)):
			v.report("%s: UID %d had the flags %q and has %q", told.name, uid, flags, found)
		}
	}
	last := told.highest()
	for uid := range now.mail {
		was, known := told.bodies[uid]
		_, there := told.mail[uid]
		switch {
		case known && was != now.bodies[uid]:
			v.report("%s: UID %d names two bodies, of %s and %s", told.name, uid, was.id, now.bodies[uid].id)
		case known && !there:
			v.report("%s: UID %d (%s) was expunged and is there again", told.name, uid, was.id)
		case !known && uid <= last:
			v.report("%s: UID %d is new, below %d that was told", told.name, uid, last)
		case !known && v.doubt.to == validity && v.doubt.added[now.bodies[uid]] > 0:
			v.doubt.added[now.bodies[uid]]--
			v.added++
		case !known && !arrivals:
			v.report("%s: UID %d (%s) came out of nothing", told.name, uid, now.bodies[uid].id)
		}
	}
}

// whole demands that an operation in doubt was done as a whole or not at all.
func (v *verifier) whole() {
	if v.doubt.moved && v.gone != v.added {
		v.report("a move took %d messages away and added %d", v.gone, v.added)
	}
	if v.added > 0 && v.added != v.toAdd {
		v.report("an operation added %d of %d messages", v.added, v.toAdd)
	}
	if n := len(v.doubt.uids); v.gone != 0 && v.gone != n {
		v.report("an operation took %d of %d messages away", v.gone, n)
	}
}

// flagString has flags in one order, without \Recent.
func flagString(flags []imap.Flag) string {
	words := map[string]bool{}
	for _, f := range flags {
		if !strings.EqualFold(string(f), `\Recent`) {
			words[strings.ToLower(string(f))] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(words)), " ")
}

package imapd

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// keeper is a client with a cache, which goes away at any moment and comes back
// with QRESYNC or CONDSTORE. It reckons how far it is in step by RFC 7162 §6.
type keeper struct {
	f       *fixture
	rand    *rand.Rand
	qresync bool

	// what it keeps
	validity string
	modSeq   uint64
	flags    map[int]string // by UID
	upTo     int            // all messages up to this UID were fetched

	// of a connection
	conn   net.Conn
	r      *bufio.Reader
	tags   int
	order  []int  // UIDs by sequence number, 0 where not known
	seen   uint64 // the highest MODSEQ since the last tagged answer
	told   uint64 // by HIGHESTMODSEQ since then
	silent func(uid int)
	there  map[int]bool // the UIDs in FETCHes, while they are gathered
	log    []string
	err    error
}

func (k *keeper) fail(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(k.log[max(0, len(k.log)-60):], "\n"))
	}
}

var (
	unasked    = regexp.MustCompile(`^\* (?:(\d+) (EXISTS|RECENT|EXPUNGE|FETCH) ?(.*)|(VANISHED|SEARCH|OK|FLAGS|STATUS|LIST|ENABLED|ESEARCH) ?(.*))$`)
	modSeqItem = regexp.MustCompile(`\bMODSEQ \((\d+)\)`)
	saysModSeq = regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`)
	saysUIDs   = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
)

// run sends a command and takes in what comes until it is answered. With cut not
// negative the line is cut after so many untagged answers. It reports whether
// the connection is still there.
func (k *keeper) run(command string, cut int) bool {
	if k.err != nil || k.conn == nil {
		return false
	}
	k.tags++
	tag := fmt.Sprintf("t%d", k.tags)
	k.log = append(k.log, tag+" "+command)
	if _, err := fmt.Fprintf(k.conn, "%s %s\r\n", tag, command); err != nil {
		k.fail("writing: %v", err)
		return false
	}
	for {
		if cut == 0 {
			k.leave()
			return false
		}
		cut--
		line, err := k.r.ReadString('\n')
		if err != nil {
			k.fail("reading: %v", err)
			return false
		}
		line = strings.TrimSuffix(line, "\r\n")
		k.log = append(k.log, "    "+line)
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if strings.HasPrefix(rest, "BAD") || strings.Contains(rest, "SERVERBUG") {
				k.fail("%s", line)
			}
			k.answered(rest)
			return true
		}
		switch {
		case strings.HasPrefix(line, "+ ") && command == "IDLE":
			if k.rand.IntN(2) == 0 {
				check(k.f.t, k.f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\nx\r\n")))
			}
			conn := k.conn
			go fmt.Fprint(conn, "DONE\r\n") // a pipe holds nothing: the server may be writing
		default:
			k.take(line, command)
		}
	}
}

// answered is what a client does at a tagged answer (RFC 7162 §6).
func (k *keeper) answered(rest string) {
	if m := saysModSeq.FindStringSubmatch(rest); m != nil {
		k.told = number(m[1])
	}
	if k.told > 0 {
		k.modSeq = k.told
	} else {
		k.modSeq = max(k.modSeq, k.seen)
	}
	k.told, k.seen, k.silent = 0, 0, nil
}

// leave is being cut off: what was not fetched whole is not kept.
func (k *keeper) leave() {
	k.log = append(k.log, "    (cut)")
	k.conn.Close()
	k.conn, k.order, k.told, k.seen, k.silent = nil, nil, 0, 0, nil
	maps.DeleteFunc(k.flags, func(uid int, _ string) bool { return uid > k.upTo })
}

func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

// take is what a client does with an untagged answer.
func (k *keeper) take(line, command string) {
	m := unasked.FindStringSubmatch(line)
	if m == nil {
		k.fail("%s: what is that?", line)
		return
	}
	selecting := strings.HasPrefix(command, "SELECT")
	n, _ := strconv.Atoi(m[1])
	switch m[2] + m[4] {
	case "EXISTS":
		if n < len(k.order) {
			k.fail("%s, of %d", line, len(k.order))
		}
		k.order = append(k.order, make([]int, max(0, n-len(k.order)))...)
	case "EXPUNGE":
		k.expunged(line, n, command)
	case "FETCH":
		k.fetched(line, n)
	case "VANISHED":
		k.vanished(line, m[5], command)
	case "OK":
		if s := saysModSeq.FindStringSubmatch(line); s != nil {
			k.told = number(s[1])
			if !selecting {
				k.modSeq = k.told
			}
		}
		if s := saysUIDs.FindStringSubmatch(line); s != nil && s[1] != k.validity {
			k.validity, k.modSeq, k.upTo, k.flags = s[1], 0, 0, map[int]string{}
		}
	}
}

func (k *keeper) mayExpunge(line, command string) {
	name, _, _ := strings.Cut(command, " ")
	if name == "FETCH" || name == "STORE" || name == "SEARCH" {
		k.fail("%s during %s", line, command)
	}
}

func (k *keeper) expunged(line string, n int, command string) {
	k.mayExpunge(line, command)
	if k.qresync || n < 1 || n > len(k.order) {
		k.fail("%s, of %d", line, len(k.order))
		return
	}
	delete(k.flags, k.order[n-1])
	k.order = slices.Delete(k.order, n-1, n)
}

func (k *keeper) vanished(line, set, command string) {
	set, earlier := strings.CutPrefix(set, "(EARLIER) ")
	if !earlier {
		k.mayExpunge(line, command)
	}
	for _, r := range strings.Split(set, ",") {
		from, to, ok := strings.Cut(r, ":")
		if !ok {
			to = from
		}
		for uid := int(number(from)); uid <= int(number(to)); uid++ {
			delete(k.flags, uid)
			i := k.place(uid)
			switch {
			case earlier && i < len(k.order) && k.order[i] == uid:
				k.fail("%s: UID %d is in the view", line, uid)
			case earlier:
			case i == len(k.order) || k.order[i] != uid && k.order[i] != 0:
				k.fail("%s: UID %d is not in the view", line, uid)
			default:
				k.order = slices.Delete(k.order, i, i+1)
			}
		}
	}
}

// place is where in order a UID stands, or must stand if it is there.
func (k *keeper) place(uid int) int {
	if i := slices.Index(k.order, uid); i >= 0 {
		return i
	}
	i := len(k.order)
	for i > 0 && (k.order[i-1] == 0 || k.order[i-1] >= uid) {
		i--
	}
	return i
}

func (k *keeper) fetched(line string, n int) {
	if n < 1 || n > len(k.order) {
		k.fail("%s, of %d", line, len(k.order))
		return
	}
	u := uidItem.FindStringSubmatch(line)
	s := modSeqItem.FindStringSubmatch(line)
	f := flagItem.FindStringSubmatch(line)
	if u == nil || s == nil && (f != nil || k.silent != nil) {
		k.fail("%s: UID and MODSEQ must be in it", line)
		return
	}
	uid := int(number(u[1]))
	if k.order[n-1] != 0 && k.order[n-1] != uid {
		k.fail("%s: it was %d", line, k.order[n-1])
	}
	k.order[n-1] = uid
	if k.there != nil {
		k.there[uid] = true
	}
	if s != nil {
		k.seen = max(k.seen, number(s[1]))
	}
	if f != nil {
		k.flags[uid] = sortedFlags(strings.Fields(f[1]))
	} else if k.silent != nil {
		k.silent(uid)
	}
}

// cut is after how many answers a command is cut off, mostly never.
func (k *keeper) cut() int {
	if k.rand.IntN(12) > 0 {
		return -1
	}
	return k.rand.IntN(5)
}

// connect comes back and brings the cache in step.
func (k *keeper) connect(cut func() int) bool {
	conn, err := k.f.dial("")
	check(k.f.t, err)
	k.conn, k.r = conn, bufio.NewReader(conn)
	k.r.ReadString('\n')
	if !k.run(`LOGIN alice@example.org "`+password+`"`, -1) {
		return false
	}
	if !k.qresync {
		return k.condstore(cut)
	}
	if !k.run("ENABLE QRESYNC", -1) || !k.run("SELECT INBOX"+k.resyncParameter(), cut()) {
		return false
	}
	cached := slices.Sorted(maps.Keys(k.flags))
	for i, uid := range cached {
		if uid > k.upTo {
			break
		}
		if i >= len(k.order) || k.order[i] != 0 && k.order[i] != uid {
			k.fail("after SELECT number %d must be %d of %v; cached are %v", i+1, uid, k.order, cached)
			return false
		}
		k.order[i] = uid
	}
	return k.fetchNew(cut)
}

// condstore selects, and asks for what changed and for what is there.
func (k *keeper) condstore(cut func() int) bool {
	before := k.modSeq
	if !k.run("SELECT INBOX (CONDSTORE)", cut()) {
		return false
	}
	reached := k.modSeq // once all until then was fetched
	if k.upTo > 0 {
		k.modSeq = before
		if !k.run(fmt.Sprintf("UID FETCH 1:%d (FLAGS) (CHANGEDSINCE %d)", k.upTo, before), cut()) {
			return false
		}
		k.modSeq = before
		k.there = map[int]bool{}
		ok := k.run(fmt.Sprintf("UID FETCH 1:%d (UID)", k.upTo), cut())
		if ok {
			maps.DeleteFunc(k.flags, func(uid int, _ string) bool { return uid <= k.upTo && !k.there[uid] })
		}
		if k.there = nil; !ok {
			return false
		}
	}
	k.modSeq = reached
	return k.fetchNew(cut)
}

// resyncParameter says what the client knows; where it may leave something out
// it does so at random.
func (k *keeper) resyncParameter() string {
	if k.upTo == 0 {
		return " (CONDSTORE)"
	}
	p := fmt.Sprintf(" (QRESYNC (%s %d", k.validity, k.modSeq)
	if k.rand.IntN(3) > 0 {
		p += fmt.Sprintf(" 1:%d", k.upTo)
	}
	var seqs, uids []string
	for i, uid := range slices.Sorted(maps.Keys(k.flags)) {
		if k.rand.IntN(3) == 0 {
			seqs, uids = append(seqs, strconv.Itoa(i+1)), append(uids, strconv.Itoa(uid))
		}
	}
	if len(seqs) > 0 && k.rand.IntN(2) == 0 {
		p += fmt.Sprintf(" (%s %s)", strings.Join(seqs, ","), strings.Join(uids, ","))
	}
	return p + "))"
}

// fetchNew fetches the messages that the client knows by number alone.
func (k *keeper) fetchNew(cut func() int) bool {
	if k.known() == len(k.order) {
		return true
	}
	fetch := fmt.Sprintf("UID FETCH %d:* (FLAGS MODSEQ)", k.upTo+1)
	if !k.run(fetch, cut()) {
		return false
	}
	// What was expunged meanwhile isn't fetched, and may be told a little later;
	// of what came since then a flag may have been told already.
	hole := func() bool { return slices.ContainsFunc(k.order[k.known():], func(u int) bool { return u > 0 }) }
	for tries := 0; hole(); tries++ {
		if tries == 10 {
			k.fail("number %d of %v was not fetched", k.known()+1, k.order)
			return false
		}
		if !k.run("NOOP", cut()) || hole() && !k.run(fetch, cut()) {
			return false
		}
	}
	if n := k.known(); n > 0 {
		k.upTo = max(k.upTo, k.order[n-1])
	}
	return true
}

// known is how many messages, from the first on, were fetched.
func (k *keeper) known() int {
	for i, uid := range k.order {
		if _, ok := k.flags[uid]; !ok {
			return i
		}
	}
	return len(k.order)
}

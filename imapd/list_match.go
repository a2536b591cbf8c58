package imapd

// A pattern is a LIST pattern made ready to match names: "*" stands for any
// octets, "%" for any but the hierarchy separator (RFC 9051 §6.3.9).
//
// It is a machine whose state i means that i octets of the pattern, wildcards
// aside, were matched. All the states that it may be in are the bits of one set,
// and an octet of the name moves all of them at once; so a match costs the
// length of the name times that of the pattern over 64, whatever the wildcards.
type pattern struct {
	octets int // in the pattern, wildcards aside
	// slots says where in moves the set of an octet is: of the states that this
	// octet leads out of to the next. Slot 0 is the empty set.
	slots [256]uint16
	moves [][]uint64
	// star and wild are the states that stay: those in which there is a "*",
	// and those in which there is a "*" or a "%", which stay under any octet
	// but the separator.
	star, wild []uint64
	// levels: the pattern ends in "%", which lists levels of the hierarchy even
	// when they are no mailboxes.
	levels bool
}

func newPattern(text string) *pattern {
	words := len(text)/64 + 1
	p := &pattern{
		moves:  [][]uint64{make([]uint64, words)},
		star:   make([]uint64, words),
		wild:   make([]uint64, words),
		levels: text != "" && text[len(text)-1] == '%',
	}
	for i := range len(text) {
		word, bit := p.octets/64, uint64(1)<<(p.octets%64)
		switch c := text[i]; c {
		case '*':
			p.star[word] |= bit
			p.wild[word] |= bit
		case '%':
			p.wild[word] |= bit
		default:
			if p.slots[c] == 0 {
				p.slots[c] = uint16(len(p.moves))
				p.moves = append(p.moves, make([]uint64, words))
			}
			p.moves[p.slots[c]][word] |= bit
			p.octets++
		}
	}
	return p
}

// match calls found with the length of each part of name that the pattern
// matches whole: of the levels above name, and of name itself. The letters of
// a first level INBOX match in any case, as the name does elsewhere.
func (p *pattern) match(name string, found func(length int)) {
	if p.octets > len(name) {
		return
	}
	states := make([]uint64, p.octets/64+1)
	states[0] = 1
	last, lastBit := p.octets/64, uint64(1)<<(p.octets%64)
	anyCase := isInbox(name)
	for i := range len(name) {
		c := name[i]
		stay := p.wild
		if c == hierarchy[0] {
			if states[last]&lastBit != 0 {
				found(i)
			}
			stay = p.star
		}
		move := p.moves[p.slots[c]]
		if anyCase && i < len("INBOX") {
			move = union(move, p.moves[p.slots[c+'a'-'A']])
		}
		if !step(states, move, stay) {
			return
		}
	}
	if states[last]&lastBit != 0 {
		found(len(name))
	}
}

// step moves the states under one octet, and reports whether any is left.
func step(states, move, stay []uint64) bool {
	move, stay = move[:len(states)], stay[:len(states)]
	var carry, alive uint64
	for w, s := range states {
		moved := s & move[w]
		s = moved<<1 | carry | s&stay[w]
		carry = moved >> 63
		states[w] = s
		alive |= s
	}
	return alive != 0
}

func union(a, b []uint64) []uint64 {
	out := make([]uint64, len(a))
	for i := range a {
		out[i] = a[i] | b[i]
	}
	return out
}

// isInbox: the name is INBOX or below it. Names of the store have it in capitals.
func isInbox(name string) bool {
	const inbox = "INBOX"
	return len(name) >= len(inbox) && name[:len(inbox)] == inbox && (len(name) == len(inbox) || name[len(inbox)] == hierarchy[0])
}

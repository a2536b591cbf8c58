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
	// on has, by octet, the states that this octet leads out of to the next.
	on map[byte][]uint64
	// star and percent are the states in which there is a wildcard, so that
	// they are kept: under any octet, and under any but the separator.
	star, percent []uint64
	// levels: the pattern ends in "%", which lists levels of the hierarchy even
	// when they are no mailboxes.
	levels bool
	// none is the empty set.
	none []uint64
}

func newPattern(text string) *pattern {
	words := len(text)/64 + 1
	p := &pattern{
		on:      make(map[byte][]uint64),
		star:    make([]uint64, words),
		percent: make([]uint64, words),
		none:    make([]uint64, words),
		levels:  text != "" && text[len(text)-1] == '%',
	}
	for i := range len(text) {
		word, bit := p.octets/64, uint64(1)<<(p.octets%64)
		switch c := text[i]; c {
		case '*':
			p.star[word] |= bit
		case '%':
			p.percent[word] |= bit
		default:
			if p.on[c] == nil {
				p.on[c] = make([]uint64, words)
			}
			p.on[c][word] |= bit
			p.octets++
		}
	}
	return p
}

// match reports whether the pattern matches the whole name. The letters of a
// first level INBOX match in any case, as the name does elsewhere.
func (p *pattern) match(name string) bool {
	states := make([]uint64, len(p.star))
	states[0] = 1
	anyCase := isInbox(name)
	for i := range len(name) {
		c := name[i]
		on, lower := p.of(c), p.none
		if anyCase && i < len("INBOX") {
			lower = p.of(c + 'a' - 'A')
		}
		keep := p.none
		if c != hierarchy[0] {
			keep = p.percent
		}
		var carry, alive uint64
		for w, s := range states {
			moved := s & (on[w] | lower[w])
			states[w] = moved<<1 | carry | s&(p.star[w]|keep[w])
			carry = moved >> 63
			alive |= states[w]
		}
		if alive == 0 {
			return false
		}
	}
	return states[p.octets/64]&(1<<(p.octets%64)) != 0
}

func (p *pattern) of(c byte) []uint64 {
	if on := p.on[c]; on != nil {
		return on
	}
	return p.none
}

// isInbox: the name is INBOX or below it. Names of the store have it in capitals.
func isInbox(name string) bool {
	const inbox = "INBOX"
	return len(name) >= len(inbox) && name[:len(inbox)] == inbox && (len(name) == len(inbox) || name[len(inbox)] == hierarchy[0])
}

package message

import "bytes"

// resolve makes the mailbox that the gathered tokens stand for, and reports
// false when they stand for nothing.
func (l *addressList) resolve() bool {
	l.item = address{}
	toks := l.tokens
	if !anything(toks) {
		return false
	}
	if i := special(toks, '<', 0); i >= 0 {
		end := special(toks, '>', i)
		if end < 0 {
			end = len(toks)
		}
		l.item.name = phrase(toks[:i])
		l.item.spec(toks[i+1 : end])
		l.nameFrom(toks, end)
	} else if lastAt(toks) >= 0 {
		l.bare(toks)
	} else {
		// No address at all: a name alone, or a local user's.
		l.item.local = phrase(toks)
		l.nameFrom(toks, 0)
	}
	return len(l.item.name)+len(l.item.local)+len(l.item.host) > 0
}

// anything reports whether there is more than comments and empty brackets.
func anything(toks []token) bool {
	for i := range toks {
		if k := toks[i].kind; k != commentToken && k != specialToken {
			return true
		}
	}
	return false
}

// nameFrom takes a comment for the display name when there is no other, as
// RFC 822 §C.4 had it: "alice@crepes.fr (Alice)"; then whatever else follows.
func (l *addressList) nameFrom(toks []token, after int) {
	if len(l.item.name) == 0 {
		l.item.name = lastComment(toks)
	}
	if len(l.item.name) == 0 && after > 0 && after < len(toks) {
		l.item.name = phrase(toks[after+1:])
	}
}

func lastComment(toks []token) []byte {
	for i := len(toks) - 1; i >= 0; i-- {
		if toks[i].kind == commentToken {
			return toks[i].text
		}
	}
	return nil
}

// bare reads an address without angle brackets: the words round the at sign at
// a level are the address, the others the name.
func (l *addressList) bare(toks []token) {
	comment := lastComment(toks)
	toks = withoutComments(toks)
	at := lastAt(toks)
	first := at
	for first > 0 && joins(toks, first) {
		first--
	}
	last := at + 1
	for last < len(toks) && (last == at+1 || joins(toks, last)) {
		last++
	}
	last = min(last, len(toks))
	l.item.spec(toks[first:last])
	l.item.name = phrase(toks[:first])
	if len(l.item.name) == 0 {
		l.item.name = phrase(toks[last:])
	}
	if len(l.item.name) == 0 {
		l.item.name = comment
	}
}

// withoutComments makes white space of comments, which may stand wherever that
// may (RFC 5322 §3.2.2). It reuses the tokens' memory.
func withoutComments(toks []token) []token {
	rest, comment := toks[:0], false
	for _, t := range toks {
		if t.kind == commentToken {
			comment = true
			continue
		}
		t.space = t.space || comment
		rest, comment = append(rest, t), false
	}
	return rest
}

// joins reports whether the token at i belongs to the one before it: nothing
// parts them, or only white space round a dot or at sign (RFC 5322 §4.4).
func joins(toks []token, i int) bool {
	a, b := &toks[i-1], &toks[i]
	if !b.space || isAt(a) || isAt(b) {
		return true
	}
	return a.kind == atomToken && a.text[len(a.text)-1] == '.' || b.kind == atomToken && b.text[0] == '.'
}

func isAt(t *token) bool { return t.kind == specialToken && t.text[0] == '@' }

func isBracket(t *token) bool {
	return t.kind == specialToken && (t.text[0] == '<' || t.text[0] == '>')
}

// spec reads what stands in angle brackets: route, local part, domain.
func (a *address) spec(toks []token) {
	if len(toks) > 0 && isAt(&toks[0]) {
		if colon := special(toks, ':', 0); colon >= 0 {
			a.route = concat(toks[:colon], false)
			toks = toks[colon+1:]
		}
	}
	at := lastAt(toks)
	if at < 0 {
		a.local = concat(toks, true)
		return
	}
	a.local = concat(toks[:at], true)
	a.host = concat(toks[at+1:], false)
}

// special finds a special character from a token on, or returns -1.
func special(toks []token, c byte, from int) int {
	for i := from; i < len(toks); i++ {
		if toks[i].kind == specialToken && toks[i].text[0] == c {
			return i
		}
	}
	return -1
}

func lastAt(toks []token) int {
	for i := len(toks) - 1; i >= 0; i-- {
		if isAt(&toks[i]) {
			return i
		}
	}
	return -1
}

// concat joins the tokens of an address; spaces, if wanted, are kept between
// words, where they should not be.
func concat(toks []token, spaces bool) []byte {
	if len(toks) == 1 && toks[0].kind != commentToken {
		return toks[0].text
	}
	var b []byte
	for i := range toks {
		t := &toks[i]
		if t.kind == commentToken || isBracket(t) {
			continue
		}
		if spaces && t.space && len(b) > 0 && b[len(b)-1] != '.' && (t.kind != atomToken || t.text[0] != '.') {
			b = append(b, ' ')
		}
		b = append(b, t.text...)
	}
	return b
}

// phrase joins the tokens of a display name, one space where there was any.
func phrase(toks []token) []byte {
	if len(toks) == 1 && toks[0].kind < literalToken {
		return bytes.TrimSpace(toks[0].text)
	}
	var b []byte
	for i := range toks {
		t := &toks[i]
		if t.kind == commentToken || isBracket(t) {
			continue
		}
		if t.space && len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(b, t.text...)
	}
	return bytes.TrimSpace(b)
}

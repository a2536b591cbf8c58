package explain

import (
	"strconv"
	"strings"
)

// imapCommand explains a line: a tag, the command, its arguments. DONE, and
// what goes on after a literal, have no tag.
func imapCommand(line string) (Entry, bool) {
	words := strings.Fields(line)
	if len(words) == 1 && strings.EqualFold(words[0], "DONE") {
		return Find(IMAP, KindCommand, "DONE")
	}
	if len(words) < 2 {
		return Entry{}, false
	}
	args := words[2:]
	if strings.EqualFold(words[1], "UID") && len(args) > 0 {
		if e, ok := Find(IMAP, KindCommand, "UID "+args[0]); ok {
			return e, true
		}
		if e, ok := Find(IMAP, KindCommand, args[0]); ok {
			e.part(IMAP, KindParameter, "UID")
			e.imapWords(e.Name, args[1:])
			return e, true
		}
	}
	e, ok := Find(IMAP, KindCommand, words[1])
	if ok && e.Name == "AUTHENTICATE" && len(args) > 0 {
		e.mechanism(args[0])
	} else if ok {
		e.imapWords(e.Name, args)
	}
	return e, ok
}

// imapWords adds the words of a command or an answer that the catalogue has.
func (e *Entry) imapWords(command string, words []string) {
	switch command {
	case "SORT", "THREAD": // they end with search keys
		command = "SEARCH"
	case "EXAMINE":
		command = "SELECT"
	case "UIDFETCH":
		command = "FETCH"
	case "XLIST", "LSUB":
		command = "LIST"
	case "LOGIN":
		return // names and passwords are no words of IMAP's
	}
	for _, w := range words {
		w = strings.Trim(w, "()")
		if i := strings.IndexAny(w, "[("); i > 0 {
			w = w[:i] // BODY[HEADER], RETURN(…
		}
		if w == "" || strings.HasPrefix(w, `"`) || w == "UID" && e.Name == "UID" {
			continue
		}
		if !e.part(IMAP, KindParameter, command+" "+w) && (w[0] == '\\' || w[0] == '$') {
			e.part(IMAP, KindParameter, w)
		}
	}
}

// imapReply explains a line: "* 3 EXISTS", "* OK [UIDNEXT 7] …", "a OK …", "+ …".
func imapReply(line string) (Entry, bool) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Entry{}, false
	}
	if words[0] == "+" {
		return Find(IMAP, KindReply, "+")
	}
	if len(words) < 2 {
		return Entry{}, false
	}
	name, rest := words[1], words[2:]
	if _, err := strconv.ParseUint(name, 10, 32); err == nil && len(rest) > 0 && words[0] == "*" {
		name, rest = rest[0], rest[1:]
	}
	e, ok := Find(IMAP, KindReply, name)
	if !ok || e.Name == "+" {
		return Entry{}, false
	}
	switch e.Name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		e.imapCode(strings.Join(rest, " "))
	case "CAPABILITY", "ENABLED":
		e.imapCapabilities(rest)
	default:
		e.imapWords(e.Name, rest)
	}
	return e, true
}

// imapCode adds the response code of a status response.
func (e *Entry) imapCode(text string) {
	words, ok := bracketed(text)
	if !ok {
		return
	}
	e.part(IMAP, KindStatus, words[0])
	switch strings.ToUpper(words[0]) {
	case "CAPABILITY":
		e.imapCapabilities(words[1:])
	case "PERMANENTFLAGS":
		e.imapWords("FLAGS", words[1:])
	}
}

// imapCapabilities adds capabilities: "IDLE", "AUTH=PLAIN".
func (e *Entry) imapCapabilities(names []string) {
	for _, n := range names {
		if before, _, ok := strings.Cut(n, "="); ok && !e.part(IMAP, KindCapability, n) {
			e.part(IMAP, KindCapability, before+"=")
		} else if !ok {
			e.part(IMAP, KindCapability, n)
		}
	}
}

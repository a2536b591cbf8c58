package explain

import (
	"strconv"
	"strings"
)

// maxLine bounds what is looked at of a line: it comes from a stranger.
const maxLine = 4096

// Command explains a line that a client sent, as a transcript shows it (secrets
// masked, literals cut off). False where nothing is known of it.
func Command(protocol, line string) (Entry, bool) {
	line = line[:min(len(line), maxLine)]
	switch protocol {
	case SMTP:
		return smtpCommand(line)
	case POP3:
		return pop3Command(line)
	case IMAP:
		return imapCommand(line)
	}
	return Entry{}, false
}

// Reply explains a line that a server sent. False where nothing is known of
// it.
func Reply(protocol, line string) (Entry, bool) {
	line = line[:min(len(line), maxLine)]
	switch protocol {
	case SMTP:
		return smtpReply(line)
	case POP3:
		return pop3Reply(line)
	case IMAP:
		return imapReply(line)
	}
	return Entry{}, false
}

// part appends the entry of a name to e's parts, once.
func (e *Entry) part(kind Kind, name string) bool {
	p, ok := Find(e.Protocol, kind, name)
	if !ok {
		return false
	}
	for _, old := range e.Parts {
		if old.Kind == p.Kind && old.Name == p.Name {
			return true
		}
	}
	e.Parts = append(e.Parts, p)
	return true
}

func smtpCommand(line string) (Entry, bool) {
	verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	e, ok := Find(SMTP, KindCommand, verb)
	if !ok {
		return Entry{}, false
	}
	if i := strings.LastIndexByte(arg, '>'); i >= 0 {
		arg = arg[i+1:] // an address is no parameter
	}
	for word := range strings.FieldsSeq(arg) {
		name, _, _ := strings.Cut(word, "=")
		e.part(KindParameter, verb+" "+name)
	}
	return e, true
}

func smtpReply(line string) (Entry, bool) {
	if len(line) < 3 {
		return Entry{}, false
	}
	code, err := strconv.ParseUint(line[:3], 10, 16)
	if err != nil || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return Entry{}, false
	}
	e, ok := Find(SMTP, KindReply, line[:3])
	if !ok {
		if e, ok = classOf(int(code)); !ok {
			return Entry{}, false
		}
	}
	word, _, _ := strings.Cut(line[min(4, len(line)):], " ")
	if !e.part(KindStatus, word) && code == 250 {
		e.part(KindCapability, word)
	}
	return e, true
}

func pop3Command(line string) (Entry, bool) {
	verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return Find(POP3, KindCommand, verb)
}

func pop3Reply(line string) (Entry, bool) {
	word, rest, _ := strings.Cut(line, " ")
	e, ok := Find(POP3, KindReply, word)
	if !ok {
		return Find(POP3, KindReply, "LINE")
	}
	if code, ok := bracketed(rest); ok {
		e.part(KindStatus, code)
	}
	return e, true
}

// bracketed is the first word of a response code: "[IN-USE] …", "[UIDNEXT 7]".
func bracketed(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return "", false
	}
	word, _, ok := strings.Cut(s[1:], "]")
	word, _, _ = strings.Cut(word, " ")
	return word, ok
}

func imapCommand(line string) (Entry, bool) {
	words := strings.Fields(line)
	if len(words) < 2 {
		if len(words) == 1 {
			return Find(IMAP, KindCommand, words[0]) // DONE
		}
		return Entry{}, false
	}
	if len(words) > 2 {
		if e, ok := Find(IMAP, KindCommand, words[1]+" "+words[2]); ok {
			return e, true
		}
	}
	return Find(IMAP, KindCommand, words[1])
}

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
	name := words[1]
	if _, err := strconv.ParseUint(name, 10, 32); err == nil && len(words) > 2 && words[0] == "*" {
		name = words[2]
	}
	e, ok := Find(IMAP, KindReply, name)
	if !ok {
		return Entry{}, false
	}
	if _, rest, found := strings.Cut(line, " ["); found {
		if code, ok := bracketed("[" + rest); ok {
			e.part(KindStatus, code)
		}
	}
	return e, true
}

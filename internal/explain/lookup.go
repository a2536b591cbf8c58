package explain

import "strings"

const (
	// maxLine bounds what is looked at of a line: it comes from a stranger.
	maxLine = 4096
	// maxParts bounds what a line is explained with.
	maxParts = 80
)

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

// part appends the entry of a name to e's parts, once. False: there is none.
func (e *Entry) part(protocol string, kind Kind, name string) bool {
	p, ok := Find(protocol, kind, name)
	if !ok {
		return false
	}
	for _, old := range e.Parts {
		if old.Kind == p.Kind && old.Name == p.Name {
			return true
		}
	}
	if len(e.Parts) < maxParts {
		e.Parts = append(e.Parts, p)
	}
	return true
}

// mechanism adds the SASL mechanism that the first word of s names. They are
// the same in all three protocols, and stand with SMTP's.
func (e *Entry) mechanism(s string) {
	name, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	e.part(SMTP, KindParameter, "AUTH "+name)
}

// bracketed is what stands in brackets at the beginning of s: "[IN-USE] …",
// "[UIDNEXT 7]". The first word of it is a response code.
func bracketed(s string) (words []string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return nil, false
	}
	inside, _, ok := strings.Cut(s[1:], "]")
	words = strings.Fields(inside)
	return words, ok && len(words) > 0
}

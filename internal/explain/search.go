package explain

import (
	"strconv"
	"strings"
)

// Search finds what a person may mean: a reply code, an enhanced status code, a
// command, a whole line of a client or a server, or any word that the catalogue
// has. protocol is empty for all three. It returns nothing where nothing is
// known.
func Search(protocol, text string) []Entry {
	text = strings.TrimSpace(text[:min(len(text), maxLine)])
	var found []Entry
	add := func(e Entry, ok bool) {
		if !ok {
			return
		}
		for _, old := range found {
			if old.Key() == e.Key() {
				return
			}
		}
		found = append(found, e)
	}
	for _, p := range []string{SMTP, POP3, IMAP} {
		if protocol != "" && protocol != p {
			continue
		}
		if e, ok := named(p, text); ok {
			add(e, ok)
			continue
		}
		add(Command(p, text))
		if p == IMAP {
			add(Command(p, "a "+text))
		}
		if e, ok := Reply(p, text); ok && e.Name != "LINE" {
			add(e, !strings.HasSuffix(e.Name, "YZ"))
		}
	}
	return found
}

// named finds an entry by its name alone.
func named(protocol, text string) (Entry, bool) {
	if _, err := strconv.Atoi(text); err == nil {
		return Entry{}, false // a reply code: Reply knows it
	}
	if name, ok := statusName(text); ok && protocol == SMTP {
		return Find(SMTP, KindStatus, name)
	}
	text = strings.Trim(text, "[]")
	for _, k := range []Kind{KindCommand, KindReply, KindStatus, KindCapability, KindParameter} {
		if e, ok := Find(protocol, k, text); ok && e.Name != "LINE" {
			return e, true
		}
	}
	return Entry{}, false
}

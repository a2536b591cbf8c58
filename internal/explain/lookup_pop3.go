package explain

import "strings"

func pop3Command(line string) (Entry, bool) {
	verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	e, ok := Find(POP3, KindCommand, verb)
	if ok && e.Name == "AUTH" {
		e.mechanism(arg)
	}
	return e, ok
}

// pop3Reply explains a line. What does not begin a response is taken for a line
// of one: only whoever knows the command can tell more.
func pop3Reply(line string) (Entry, bool) {
	word, rest, _ := strings.Cut(line, " ")
	e, ok := Find(POP3, KindReply, word)
	if !ok || word == "LINE" {
		return Find(POP3, KindReply, "LINE")
	}
	if words, ok := bracketed(rest); ok {
		e.part(POP3, KindStatus, words[0])
	}
	return e, true
}

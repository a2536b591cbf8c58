package explain

import (
	"strconv"
	"strings"
)

func smtpCommand(line string) (Entry, bool) {
	verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	e, ok := Find(SMTP, KindCommand, verb)
	if !ok {
		return Entry{}, false
	}
	if e.Name == "AUTH" {
		e.mechanism(arg)
		return e, true
	}
	if i := strings.LastIndexByte(arg, '>'); i >= 0 {
		arg = arg[i+1:] // an address is no parameter
	}
	for word := range strings.FieldsSeq(arg) {
		name, _, _ := strings.Cut(word, "=")
		e.part(SMTP, KindParameter, e.Name+" "+name)
	}
	return e, true
}

// smtpReply explains a reply line: the code, and behind it the enhanced status
// code, or in an answer to EHLO the extension.
func smtpReply(line string) (Entry, bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return Entry{}, false
	}
	code, err := strconv.ParseUint(line[:3], 10, 16)
	if err != nil {
		return Entry{}, false
	}
	e, ok := Find(SMTP, KindReply, line[:3])
	if !ok {
		if e, ok = classOf(int(code)); !ok {
			return Entry{}, false
		}
	}
	word, _, _ := strings.Cut(line[min(4, len(line)):], " ")
	if name, ok := statusName(word); ok {
		e.part(SMTP, KindStatus, name)
	} else if code == 250 {
		e.part(SMTP, KindCapability, word)
	}
	return e, true
}

// statusName is the name in the catalogue of an enhanced status code (RFC 3463
// §2): "X.1.1" of "5.1.1".
func statusName(s string) (string, bool) {
	class, detail, ok := strings.Cut(s, ".")
	if !ok || class != "2" && class != "4" && class != "5" {
		return "", false
	}
	for c := range strings.SplitSeq(detail, ".") {
		if n, err := strconv.ParseUint(c, 10, 16); err != nil || n > 999 {
			return "", false
		}
	}
	return "X." + detail, strings.Count(detail, ".") == 1
}

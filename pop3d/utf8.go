package pop3d

import (
	"fmt"
	"strings"
)

// cmdUTF8 is UTF8 (RFC 6856 §2.1). It changes nothing here: messages go out as
// they came in. RFC 6856 has it before the login only; Outlook says it behind,
// and would give up on -ERR.
func (s *session) cmdUTF8([]string) error {
	s.ok("UTF-8 it is")
	return nil
}

// The language of all responses.
const language, languageName = "en", "English"

// cmdLang is LANG (RFC 6856 §3).
func (s *session) cmdLang(args []string) error {
	switch {
	case len(args) == 0:
		s.ok("Languages:")
		fmt.Fprintf(s.conn, "%s %s\r\n.\r\n", language, languageName)
		return nil
	case args[0] == "*" || strings.EqualFold(args[0], language):
		s.ok("%s %s it is", language, languageName)
		return nil
	}
	return refuse("No such language; LANG lists those that there are")
}

//go:build attack

package attack

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// nasty are what no field should be able to do anything with.
func nasty() []string {
	return []string{
		`'`, `"`, `%`, `_`, `\`, "..", ".", "/", "*", "?", "-", "--", "#", ";", "|", "&", "$", "`", "<", ">", "(", ")", "{", "}", "[", "]", "~", "!", "@", ",", " ", "",
		"'; DROP TABLE accounts; --", `"; DELETE FROM messages; --`, "' OR '1'='1", "' UNION SELECT verifier FROM credentials --", "%' ESCAPE '%", "x\\' OR 1=1",
		"../../../../tmp/posthorn-was-here", "/tmp/posthorn-was-here", `..\..\posthorn-was-here`, "control.sock", "$(touch /tmp/posthorn-was-here)", "`touch /tmp/posthorn-was-here`", "|touch /tmp/posthorn-was-here",
		"%s%s%n%x", "%00", "%0d%0aX-Injected: yes", "{{.}}", "${jndi:ldap://x}", "=?utf-8?q?=0d=0aX-Injected:_yes?=", "NIL", "INBOX", "{5}", "{5+}", "~{5}", "(\\Seen)", "+OK", "* BYE", "a OK", "250 ok", ".",
		"\r", "\n", "\r\n", "\x00", "a\x00b", "a\rb", "a\nb", "\r\nX-Injected: yes", "\nX-Injected: yes", "\rX-Injected: yes", "x\r\n\r\nbody", "\r\n.\r\nMAIL FROM:<x@y>", "\r\nRCPT TO:<u@" + victim + ">",
		"\ntime=2026-01-01T00:00:00Z level=ERROR msg=forged", "\r\nposthorn: forged", "\x1b[2J\x1b]0;forged\x07", "\x7f", "\x08\x08", "\u009b31m", "\u2028forged", "\u202eforged", "\ufeff", "\xff\xfe", "caf\xe9", "\u00e9", "e\u0301", "\U0001f4ee",
		strings.Repeat("x", 70), strings.Repeat("x", 300), strings.Repeat("'", 1000),
	}
}

// TestInjection puts each of them into every field of all protocols and of the
// command line. Then the store is whole and has nothing but what was asked for,
// each line of the log is one, no header came in, and no file anywhere.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Stop()
	s.Set("log", "level", "debug")
	s.MustStart()
	accounts, files := s.Must("user", "list"), s.files()
	bob := s.state(s.bob)
	words := nasty()
	if !full() {
		few := words[:0]
		for i, word := range words {
			if i%4 == 0 || strings.ContainsAny(word, "\r\n\x00'%") {
				few = append(few, word)
			}
		}
		words = few
	}
	var some sync.WaitGroup
	next := make(chan string)
	for range 8 {
		some.Go(func() {
			for word := range next {
				s.injectIMAP(word)
				s.injectPOP3(word)
				s.injectSMTP("smtp", word)
				s.injectSMTP("submission", word)
			}
		})
	}
	for _, word := range words {
		next <- word
	}
	close(next)
	some.Wait()
	s.injectCommands(words)

	if now := s.Must("user", "list"); digits.ReplaceAllString(now, "") != digits.ReplaceAllString(accounts, "") {
		t.Errorf("the accounts were\n%s\nand are\n%s", accounts, now)
	}
	s.Must("check", "--deep")
	if now := s.files(); !slices.Equal(now, files) {
		t.Errorf("the files were %q and are %q", files, now)
	}
	if found, _ := filepath.Glob("/tmp/posthorn-was-here*"); len(found) > 0 {
		t.Errorf("there is %v", found)
	}
	s.logIsWhole(t)
	// What bob had he has; what came besides has only our fields.
	now := s.state(s.bob)
	for _, line := range strings.Split(bob, "\n") {
		if strings.Contains(line, secret) && !strings.Contains(now, line) {
			t.Errorf("bob has no %q any more", line)
		}
	}
	for _, user := range []string{s.alice, s.bob} {
		s.headersAreOurs(t, user)
	}
}

var digits = regexp.MustCompile(`[0-9]+( [kMG]?B)?| `)

// files are all files of the server's, but those that SQLite makes.
func (s *scene) files() (names []string) {
	filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, _ error) error {
		if !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// logIsWhole: each line begins as the server begins one, and has no control
// characters.
func (s *scene) logIsWhole(t *testing.T) {
	begin := regexp.MustCompile(`^(time=\S+ level=[A-Z]+ msg=|posthorn: (ready: localhost serves|stopping))`)
	n := 0
	for _, line := range strings.Split(strings.TrimSuffix(s.Log(), "\n"), "\n") {
		n++
		if !begin.MatchString(line) {
			t.Errorf("the log has a line %q", line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u202e' || r == '\ufffd'
		}); i >= 0 {
			t.Errorf("the log has a character %q in %q", line[i:min(i+4, len(line))], line)
		}
		if strings.Contains(line, "level=ERROR") && !strings.Contains(line, "forged") {
			t.Errorf("the log has %s", line)
		}
	}
	if n < 100 {
		t.Errorf("the log has only %d lines", n)
	}
}

// headersAreOurs: no message has a field that nobody wrote into it.
func (s *scene) headersAreOurs(t *testing.T, user string) {
	_, lines := s.imap(user, `LIST "" "*"`)
	seen := 0
	for _, line := range lines {
		name, ok := strings.CutPrefix(line, "* LIST ")
		if !ok {
			continue
		}
		_, fetched := s.imap(user, "EXAMINE "+name[strings.Index(name, `"/" `)+4:], "FETCH 1:* (BODY[] )", "FETCH 1:* BODY[HEADER]")
		for _, l := range fetched {
			field, _, _ := strings.Cut(l, ":")
			switch strings.ToLower(field) {
			case "received", "return-path", "delivered-to":
				seen++
			case "x-injected", "bcc":
				t.Errorf("%s has a message with %q", user, l)
			}
		}
	}
	if user == s.bob && seen == 0 {
		t.Error("bob got no message: that proves nothing")
	}
}

// literal is IMAP's way to say any octets.
func literal(word string) string { return fmt.Sprintf("{%d+}\r\n%s", len(word), word) }

func (s *scene) injectIMAP(word string) {
	l, q := literal(word), quoted(word)
	login := "a LOGIN " + s.alice + " " + quoted(testserver.Password)
	// before login, and each on a connection of its own: some end it
	for _, command := range []string{"LOGIN " + l + " " + l, "LOGIN " + q + " " + q, "LOGIN " + quoted(s.alice) + " " + l, "AUTHENTICATE " + word, "AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+word+"\x00"+word)), word, word + " NOOP", "ID (" + q + " " + l + ")", "ID (" + l + " " + q + ")"} {
		s.blurt("imap", "a "+command)
	}
	for _, command := range []string{
		"CREATE " + l, "SUBSCRIBE " + l, "LIST " + l + " " + l, `LIST "" ` + l, "LSUB " + l + " " + l, "STATUS " + l + " (MESSAGES)", "RENAME " + l + " " + literal(word+"2"), "RENAME Junk/x " + l, "DELETE " + l, "UNSUBSCRIBE " + l, "CREATE " + q, "DELETE " + q, "SELECT " + l, "EXAMINE " + q,
		"APPEND " + l + " {4+}\r\na: b", "APPEND Junk (" + word + ") {4+}\r\na: b", "APPEND Junk (\\Seen " + strings.ReplaceAll(word, " ", "") + ") " + q + " {4+}\r\na: b", "ENABLE " + word, "NOOP " + word,
	} {
		s.blurt("imap", login, "b "+command)
	}
	for _, command := range []string{
		"SEARCH SUBJECT " + l, "SEARCH BODY " + l, "SEARCH TEXT " + q, "SEARCH HEADER " + l + " " + l, "SEARCH KEYWORD " + word, "SEARCH CHARSET " + l + " ALL", "SEARCH FROM " + l + " OR TO " + l + " CC " + l, "SEARCH SINCE " + q, "UID SEARCH UID " + word,
		"STORE 1 +FLAGS (" + word + ")", "STORE " + word + " FLAGS ()", "FETCH 1 BODY[HEADER.FIELDS (" + l + ")]", "FETCH 1 BODY[" + word + "]", "FETCH " + word + " FLAGS", "COPY 1 " + l, "MOVE 1 " + l,
	} {
		s.blurt("imap", login, "b SELECT Junk", "c "+command)
	}
}

func (s *scene) injectPOP3(word string) {
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + word + "\x00" + word))
	for _, lines := range [][]string{
		{"USER " + word, "PASS " + word}, {"USER " + s.alice, "PASS " + word}, {"AUTH " + word}, {"AUTH PLAIN " + response}, {"AUTH LOGIN", base64.StdEncoding.EncodeToString([]byte(word)), base64.StdEncoding.EncodeToString([]byte(word))}, {"APOP " + word}, {"LANG " + word}, {word},
		{"USER " + s.alice, "PASS " + testserver.Password, "LIST " + word, "UIDL " + word, "RETR " + word, "TOP 1 " + word, "TOP " + word + " 1", "DELE " + word, "NOOP " + word, "LANG " + word, word, "RSET", "QUIT"},
	} {
		s.blurt("pop3", lines...)
	}
}

func (s *scene) injectSMTP(service, word string) {
	xtext := strings.Builder{}
	for _, c := range []byte(word) {
		if c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&xtext, "+%02X", c)
		} else {
			xtext.WriteByte(c)
		}
	}
	local := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
	login := []string{"EHLO x.example"}
	from := "MAIL FROM:<someone@" + victim + ">"
	if service == "submission" {
		login = append(login, "AUTH PLAIN "+plainResponse(s.alice, testserver.Password))
		from = "MAIL FROM:<" + s.alice + ">"
	}
	to := "RCPT TO:<" + s.bob + ">"
	subject := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(word)
	message := []string{"DATA", "From: x@y.example\r\nSubject: " + subject + "\r\n\r\n..\r\n."}
	for _, lines := range [][]string{
		{"EHLO " + word, from, to}, {"HELO " + word, from, to}, {"VRFY " + word}, {"EXPN " + word}, {"HELP " + word}, {word},
		append(slices.Clone(login), "AUTH "+word, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte(word+"\x00"+word+"\x00"+word))),
		append(slices.Clone(login), "MAIL FROM:<"+word+"@x.example>", to), append(slices.Clone(login), "MAIL FROM:<"+local+"@x.example> SMTPUTF8", to), append(slices.Clone(login), "MAIL FROM:<a@"+word+">", to),
		append(slices.Clone(login), from+" ENVID="+word, to), append(slices.Clone(login), from+" ENVID="+xtext.String()+" RET=HDRS", to+" NOTIFY=SUCCESS ORCPT=rfc822;"+xtext.String()),
		append(slices.Clone(login), from+" AUTH="+xtext.String(), to), append(slices.Clone(login), from+" BODY="+word, to), append(slices.Clone(login), from+" SIZE="+word, to), append(slices.Clone(login), from+" X="+word, to),
		append(slices.Clone(login), from, "RCPT TO:<"+word+"@"+testserver.Domain+">"), append(slices.Clone(login), from+" SMTPUTF8", "RCPT TO:<"+local+"@"+testserver.Domain+">"), append(slices.Clone(login), from, "RCPT TO:<bob@"+word+">"),
		append(slices.Clone(login), from, "RCPT TO:<bob+"+word+"@"+testserver.Domain+">"), append(slices.Clone(login), from, "RCPT TO:<\"bob+"+local[1:]+"@"+testserver.Domain+">"),
		append(slices.Clone(login), from, to+" ORCPT="+word+";x", to+" NOTIFY="+word, "DATA "+word, "BDAT "+word),
	} {
		s.blurt(service, append(slices.Clone(lines), message...)...)
	}
}

// blurt says lines at once, whatever is answered, and waits until the server
// has nothing more to say.
func (s *scene) blurt(service string, lines ...string) {
	c, err := dial("127.0.0.1", s.Address(service))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.line(); err != nil {
		s.t.Errorf("no greeting: %v\n%s", err, tail(s.Server))
		return
	}
	end := "QUIT\r\n"
	if service == "imap" {
		end = "z LOGOUT\r\n"
	}
	c.say(strings.Join(lines, "\r\n") + "\r\n" + end)
	for err == nil {
		c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) // longer than a password takes
		_, err = c.r.ReadString('\n')
	}
}

// injectCommands gives the words to the command line, where they make nothing
// but what an operator may make: those are deleted again.
func (s *scene) injectCommands(words []string) {
	for i, word := range words {
		if strings.Contains(word, "\x00") || !full() && i%9 != 0 {
			continue // no argument can have it
		}
		for _, args := range [][]string{
			{"domain", "add", word}, {"domain", "delete", word}, {"user", "passwd", "--password-stdin", word}, {"user", "disable", word}, {"user", "delete", "--yes", word}, {"user", "delete", "--yes", word + "@" + testserver.Domain},
			{"alias", "add", word, s.bob}, {"alias", "delete", word}, {"alias", "add", "x@" + testserver.Domain, word}, {"alias", "delete", "x@" + testserver.Domain}, {"mailbox", "create", s.alice, word}, {"mailbox", "list", word}, {"mailbox", "delete", s.alice, word},
			{"user", "app-password", "add", s.alice, word}, {"user", "app-password", "list", s.alice}, {"user", "app-password", "revoke", s.alice, word}, {"queue", "show", word}, {"queue", "delete", word}, {"check", "--ledger", word}, {word},
		} {
			out, errs, err := s.Command(nil, "pass word 9\n", args...)
			if strings.ContainsAny(out+errs, "\r\x00\x1b\x07\x08\x7f") || strings.Contains(errs, "panic") || strings.Contains(errs, "SQL") || strings.Contains(errs, "syntax error") {
				s.t.Errorf("posthorn %q prints %q %q (%v)", args, out, errs, err)
			}
		}
		s.Command(nil, "", "domain", "delete", word)
	}
}

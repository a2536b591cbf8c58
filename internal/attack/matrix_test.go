//go:build attack

package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"posthorn/internal/explain"
	"posthorn/internal/testserver"
)

// scene is a server with two people's mail, to be looked at before and after.
type scene struct {
	*testserver.Server
	t          *testing.T
	alice, bob string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{testserver.New(t, testserver.Config{Users: []string{"alice", "bob"}}), t, "alice@" + testserver.Domain, "bob@" + testserver.Domain}
	s.Set("log", "level", "error")
	s.Set("smtp", "any_sender", false)
	s.Set("imap", "unauthenticate", true)
	s.Must("user", "quota", s.bob, "--quota", "7654 MiB")
	s.MustStart()
	s.Must("mailbox", "create", s.bob, "Diary")
	s.imap(s.alice, appendTo("INBOX", "alice 1"), appendTo("INBOX", "alice 2"), appendTo("Junk", "alice 3"))
	s.imap(s.bob, appendTo("INBOX", secret), appendTo("Diary", secret), appendTo("Diary", secret),
		`SETMETADATA Diary (/private/comment "`+secret+`")`, `SETMETADATA "" (/private/comment "`+secret+`")`)
	return s
}

// secret is in every message of bob's, and nowhere else.
const secret = "nobody-but-bob"

func appendTo(mailbox, subject string) string {
	text := "Subject: " + subject + "\r\n\r\n" + subject + "\r\n"
	return fmt.Sprintf("APPEND %q {%d+}\r\n%s", mailbox, len(text), text)
}

// imap runs commands as somebody, or as nobody, on a connection of its own. The
// lines are all that was said; the answer is the last command's tagged one.
func (s *scene) imap(user string, commands ...string) (answer string, lines []string) {
	s.t.Helper()
	c, err := dial("127.0.0.1", s.Address("imap"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if user != "" {
		commands = append([]string{fmt.Sprintf("LOGIN %q %q", user, testserver.Password)}, commands...)
	}
	if _, err := c.reply("*"); err != nil {
		s.t.Fatal(err)
	}
	for i, command := range commands {
		if answer, err = c.imap(fmt.Sprintf("a%d", i), command, &lines); err != nil {
			return answer, lines
		}
	}
	return answer, lines
}

// imap runs a command, and answers what it is asked for with an empty line. The
// answer has no tag.
func (c *client) imap(tag, command string, lines *[]string) (answer string, err error) {
	if err := c.say(tag + " " + command + "\r\n"); err != nil {
		return "", err
	}
	for {
		line, err := c.line()
		if err != nil {
			return "", err
		}
		*lines = append(*lines, line)
		if answer, ok := strings.CutPrefix(line, tag+" "); ok {
			return answer, nil
		}
		if strings.HasPrefix(line, "* BAD") { // no tag was to be found
			return line, nil
		}
		if strings.HasPrefix(line, "+ ") {
			last := "\r\n"
			if strings.Contains(line, "idling") {
				last = "DONE\r\n"
			}
			c.say(last)
		}
	}
}

// state is all that a person's mail is: mailboxes, subscriptions, messages,
// flags, annotations, the quota.
func (s *scene) state(user string) string {
	s.t.Helper()
	var all []string
	_, boxes := s.imap(user, `LIST "" "*"`, `LSUB "" "*"`, "GETQUOTA \"\"", `GETMETADATA (DEPTH infinity) "" (/private /shared)`)
	for _, line := range boxes {
		if name, ok := strings.CutPrefix(line, "* LIST "); ok {
			name = name[strings.Index(name, `"/" `)+4:]
			_, lines := s.imap(user, "EXAMINE "+name, "FETCH 1:* (UID FLAGS BODY[HEADER])", "GETMETADATA (DEPTH infinity) "+name+" (/private /shared)")
			all = append(all, name)
			for _, l := range lines {
				if !strings.Contains(l, "completed") && !strings.HasPrefix(l, "a") {
					all = append(all, l)
				}
			}
		} else if !strings.HasPrefix(line, "* CAPABILITY") && strings.HasPrefix(line, "* ") {
			all = append(all, line)
		}
	}
	return strings.Join(all, "\n")
}

// unchanged demands that two people's mail is as it was.
func (s *scene) unchanged(what, alice, bob string) {
	s.t.Helper()
	if now := s.state(s.alice); now != alice {
		s.t.Errorf("%s changed alice's mail from\n%s\nto\n%s", what, alice, now)
	}
	if now := s.state(s.bob); now != bob {
		s.t.Errorf("%s changed bob's mail from\n%s\nto\n%s", what, bob, now)
	}
}

// TestActAs: nobody logs in as another, by any mechanism.
func TestActAs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	commands := map[string]string{"imap": "a AUTHENTICATE ", "pop3": "AUTH ", "submission": "AUTH "}
	for _, tt := range []struct {
		authzid string
		allowed bool
	}{
		{"", true}, {s.alice, true}, {strings.ToUpper(s.alice), true},
		{s.bob, false}, {strings.ToUpper(s.bob), false}, {"bob", false}, {"alice", false}, {"root", false}, {"admin", false}, {"*", false},
		{"alice@victim.example", false}, {"postmaster@" + testserver.Domain, false}, {s.alice + ",n=" + s.bob, false}, {s.bob + " ", false},
		{"alice+x@" + testserver.Domain, false}, {s.alice + "." + testserver.Domain, false},
	} {
		for service, command := range commands {
			for _, mechanism := range []string{"PLAIN", "PLAIN at once", "SCRAM"} {
				c, err := dial("127.0.0.1", s.Address(service))
				if err == nil {
					err = c.greet(service)
				}
				if err != nil {
					t.Fatal(err)
				}
				response := tt.authzid + "\x00" + s.alice + "\x00" + testserver.Password
				var answer string
				switch mechanism {
				case "PLAIN":
					answer, _ = c.sasl(service, command+"PLAIN", "", response)
				case "PLAIN at once":
					answer, _ = c.sasl(service, command+"PLAIN", response)
				default:
					answer, _ = c.scram(service, command, s.alice, tt.authzid, testserver.Password)
				}
				c.Close()
				if allowed := isSuccess(answer); allowed != tt.allowed && !strings.Contains(answer, "IN-USE") {
					t.Errorf("%s %s: alice as %q is answered %q", service, mechanism, tt.authzid, answer)
				}
			}
		}
	}
}

func isSuccess(answer string) bool {
	return strings.HasPrefix(answer, "OK") || strings.HasPrefix(answer, "+OK") || strings.HasPrefix(answer, "2") || strings.HasPrefix(answer, "3")
}

// TestOthersMailboxes: nobody reads, changes or sees another's mailbox, by any
// way of naming it.
func TestOthersMailboxes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, bob := s.state(s.alice), s.state(s.bob)
	var names []string
	for _, box := range []string{"INBOX", "Diary"} {
		for _, form := range []string{"%s@B/M", "bob/M", "~bob/M", "#user/bob/M", "#shared/bob/M", "Other Users/bob/M", "user.bob.M", "user/bob/M", "/bob/M", "../bob/M", "../../bob@B/M",
			"INBOX/../../bob/M", "bob@B:M", "bob@B/./M", "INBOX\\..\\bob\\M", "M' OR account=2 --", "M\" OR 1=1 --", "%", "*", "2/M", "./M"} {
			names = append(names, strings.NewReplacer("%s@B", s.bob, "B", testserver.Domain, "M", box).Replace(form))
		}
	}
	for _, name := range append(names, "Diary") {
		for _, command := range []string{"SELECT %s", "EXAMINE %s", "STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)", "LIST \"\" %s", "LIST %s \"*\"", "LSUB \"\" %s", "LIST (SUBSCRIBED) %s \"*\"", "DELETE %s", "RENAME %s mine",
			`XLIST "" %s`, `LIST "" %s RETURN (STATUS (MESSAGES) METADATA (/private/comment))`, "GETMETADATA (DEPTH infinity) %s (/private /shared)", "GETQUOTA %s", "GETQUOTAROOT %s", "SETQUOTA %s (STORAGE 1)"} {
			answer, lines := s.imap(s.alice, fmt.Sprintf(command, quoted(name)), "FETCH 1:* (FLAGS BODY[])")
			if text := strings.Join(lines, "\n"); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint(7654<<10)) || strings.Contains(text, "Diary") && strings.Contains(text, "* LIST") {
				t.Errorf("%s of %q shows\n%s", command, name, text)
			}
			if strings.HasPrefix(command, "SELECT") && strings.HasPrefix(answer, "OK") {
				t.Errorf("%q can be selected", name)
			}
		}
	}
	s.unchanged("looking", alice, bob)
	// Writing may make mailboxes of those names, of alice's own.
	for _, name := range names {
		for _, command := range []string{appendTo("NAME", "from alice"), "CREATE NAME", "SUBSCRIBE NAME", "UNSUBSCRIBE NAME", "RENAME Junk NAME", "DELETE NAME",
			`SETMETADATA NAME (/private/comment "from alice" /shared/comment "from alice")`, "CREATE NAME (USE (\\Junk))"} {
			s.imap(s.alice, strings.ReplaceAll(strings.ReplaceAll(command, `"NAME"`, "NAME"), "NAME", quoted(name)))
		}
		s.imap(s.alice, "SELECT INBOX", "COPY 1:* "+quoted(name), "MOVE 1 "+quoted(name), "UID COPY 1:* "+quoted(name), "UID MOVE 1:* "+quoted(name), "REPLACE 1 "+quoted(name)+" {3+}\r\nabc", "UID REPLACE 1 "+quoted(name)+" {3+}\r\nabc")
	}
	for _, root := range []string{s.bob, "bob", "", "#user/bob", strings.ToUpper(s.bob)} {
		s.imap(s.alice, "SETQUOTA "+quoted(root)+" (STORAGE 1 MESSAGE 1)")
	}
	s.unchanged("writing", s.state(s.alice), bob)
}

func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// TestExamined: nothing changes a mailbox that was opened by EXAMINE.
func TestExamined(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.imap(s.alice, "SELECT INBOX", `STORE 1 FLAGS (\Deleted)`)
	alice, bob := s.state(s.alice), s.state(s.bob)
	for _, command := range []string{
		`STORE 1:* +FLAGS (\Seen)`, `STORE 1:* -FLAGS.SILENT (\Deleted)`, `STORE 1:* FLAGS ()`, `UID STORE 1:* +FLAGS (keyword)`, "EXPUNGE", "UID EXPUNGE 1:*", "CLOSE", "UNSELECT",
		"MOVE 1 Trash", "UID MOVE 1:* Trash", "FETCH 1:* BODY[]", "FETCH 1:* (RFC822 BODY[TEXT] RFC822.TEXT)", "FETCH 1:* BINARY[1]", "UID FETCH 1:* BODY[1]", "CHECK", "NOOP", "SEARCH RETURN (SAVE) ALL",
		"REPLACE 1 INBOX {3+}\r\nabc", "UID REPLACE 1 INBOX {3+}\r\nabc",
		`STORE 1:* (UNCHANGEDSINCE 1000000) +FLAGS.SILENT (\Flagged)`, `UID STORE 1:* (UNCHANGEDSINCE 1000000) FLAGS (\Deleted)`, `STORE $ +FLAGS (\Deleted)`, `UID STORE $ FLAGS (\Seen)`, "MOVE $ Trash", "UID EXPUNGE $",
		"FETCH $ BODY[]", "UID FETCH 1:* (BINARY[1] BODY[HEADER.FIELDS (SUBJECT)])", "FETCH 1:* (PREVIEW BODY[TEXT]<0.5>)", "UID FETCH 1:* (RFC822) (CHANGEDSINCE 1 VANISHED)",
		"SORT RETURN (SAVE) (DATE) UTF-8 ALL", "UID SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 ALL", "UID SEARCH RETURN (SAVE ALL) FUZZY TEXT x",
		"IDLE", "UNAUTHENTICATE", "COMPRESS DEFLATE",
	} {
		answer, _ := s.imap(s.alice, "EXAMINE INBOX", "SEARCH RETURN (SAVE) ALL", command)
		verb, _, _ := strings.Cut(strings.TrimPrefix(command, "UID "), " ")
		if changes := slices.Contains([]string{"STORE", "EXPUNGE", "MOVE", "REPLACE"}, verb); changes && strings.HasPrefix(answer, "OK") {
			t.Errorf("%s after EXAMINE: %q", command, answer)
		}
		if command == "COMPRESS DEFLATE" {
			continue // what follows would have to be compressed
		}
		s.imap(s.alice, "EXAMINE INBOX", command, "EXPUNGE", "CLOSE")
		// What is said before counts for the mailbox before.
		s.imap(s.alice, "SELECT Junk", "EXAMINE INBOX", command)
	}
	s.unchanged("EXAMINE and what follows it", alice, bob)
	// It can be changed: the test would see it.
	s.imap(s.alice, "SELECT INBOX", "FETCH 1:* BODY[]", "EXPUNGE")
	if s.state(s.alice) == alice {
		t.Error("nothing changes anything")
	}
}

// TestWrongStates gives every command of every protocol in every state, and
// demands that exactly those are obeyed that the RFCs allow there. What is
// refused must do nothing.
func TestWrongStates(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, bob := s.state(s.alice), s.state(s.bob)
	t.Run("imap", func(t *testing.T) { s.wrongIMAP(t) })
	t.Run("pop3", func(t *testing.T) { s.wrongPOP3(t) })
	t.Run("smtp", func(t *testing.T) { s.wrongSMTP(t) })
	s.unchanged("a command in the wrong state", alice, bob)
}

// wrongIMAP: RFC 9051 §6. n is not authenticated, a authenticated, s selected,
// e selected by EXAMINE. Commands that change something are only given where
// they are refused.
func (s *scene) wrongIMAP(t *testing.T) {
	given := map[string]bool{}
	for _, tt := range []struct{ command, allowed, given string }{
		{"CAPABILITY", "nase", "nase"}, {"NOOP", "nase", "nase"}, {"LOGOUT", "nase", "nase"}, {"ID NIL", "nase", "nase"},
		{"LOGIN x y", "", "ase"}, {"AUTHENTICATE PLAIN", "", "ase"}, {"STARTTLS", "", "ase"},
		{"LOGIN " + quoted(s.bob) + " " + quoted(testserver.Password), "n", "nase"},
		{"ENABLE IMAP4rev2", "ase", "nase"}, {"SELECT INBOX", "ase", "nase"}, {"EXAMINE INBOX", "ase", "nase"}, {"IDLE", "ase", "nase"},
		{`LIST "" "*"`, "ase", "nase"}, {`LSUB "" "*"`, "ase", "nase"}, {"STATUS INBOX (MESSAGES)", "ase", "nase"}, {"NAMESPACE", "ase", "nase"},
		{"CREATE new", "ase", "n"}, {"DELETE Junk", "ase", "n"}, {"RENAME Junk new", "ase", "n"}, {"SUBSCRIBE new", "ase", "n"}, {"UNSUBSCRIBE Junk", "ase", "n"},
		{appendTo("INBOX", "x"), "ase", "n"}, {"GETQUOTAROOT INBOX", "ase", "n"}, {"GETMETADATA INBOX /shared/comment", "ase", "n"}, {"MYRIGHTS INBOX", "ase", "n"}, {"NOTIFY NONE", "ase", "n"}, {"COMPRESS DEFLATE", "ase", "n"},
		{"CHECK", "se", "nase"}, {"CLOSE", "se", "nase"}, {"UNSELECT", "se", "nase"}, {"SEARCH ALL", "se", "nase"}, {"UID SEARCH ALL", "se", "nase"},
		{"FETCH 1 FLAGS", "se", "nase"}, {"UID FETCH 1 FLAGS", "se", "nase"}, {"SORT (DATE) UTF-8 ALL", "se", "na"}, {"THREAD REFERENCES UTF-8 ALL", "se", "na"},
		{`STORE 1 +FLAGS (\Seen)`, "s", "nae"}, {`UID STORE 1 +FLAGS (\Seen)`, "s", "nae"}, {"EXPUNGE", "s", "nae"}, {"UID EXPUNGE 1:*", "s", "nae"},
		{"COPY 1 Junk", "se", "na"}, {"UID COPY 1 Junk", "se", "na"}, {"MOVE 1 Junk", "s", "nae"}, {"UID MOVE 1 Junk", "s", "nae"}, {"REPLACE 1 INBOX {3+}\r\nabc", "s", "nae"},
		{"UID MOVE 1 Junk", "s", "nae"}, {"UID REPLACE 1 INBOX {3+}\r\nabc", "s", "nae"}, {"UID SORT (DATE) UTF-8 ALL", "se", "nase"}, {"UID THREAD REFERENCES UTF-8 ALL", "se", "nase"},
		{`XLIST "" "*"`, "ase", "nase"}, {"UID SEARCH RETURN (SAVE) ALL", "se", "nase"}, {"GETQUOTA \"\"", "ase", "n"}, {"SETQUOTA \"\" (STORAGE 1)", "", "nase"}, {"SETQUOTA " + quoted(s.bob) + " (STORAGE 1)", "", "nase"}, {"GETQUOTA " + quoted(s.bob), "", "nase"},
		{`SETMETADATA INBOX (/private/comment "x")`, "ase", "n"}, {`SETMETADATA "" (/shared/comment "x")`, "", "nase"}, {`SETMETADATA "" (/shared/admin "x")`, "", "nase"}, {"UNAUTHENTICATE", "ase", "nase"},
		{"", "", "nase"}, {"XYZZY", "", "nase"}, {"UID", "", "nase"}, {"UID LOGIN x y", "", "nase"}, {"DONE", "", "nase"}, {"EHLO x", "", "nase"},
	} {
		words := strings.Fields(tt.command + " ")
		for i := range words[:min(2, len(words))] {
			given[strings.Join(words[:i+1], " ")] = true
		}
		for _, state := range tt.given {
			var answer string
			switch state {
			case 'n':
				answer, _ = s.imap("", tt.command)
			case 'a':
				answer, _ = s.imap(s.alice, tt.command)
			case 's':
				answer, _ = s.imap(s.alice, "SELECT INBOX", tt.command)
			case 'e':
				answer, _ = s.imap(s.alice, "EXAMINE INBOX", tt.command)
			}
			if got := strings.HasPrefix(answer, "OK"); got != strings.ContainsRune(tt.allowed, state) {
				t.Errorf("%q in state %c is answered %q", tt.command, state, answer)
			}
		}
	}
	for _, e := range explain.Entries() {
		if e.Protocol == "imap" && e.Kind == explain.KindCommand && !given[e.Name] {
			t.Errorf("%s is not in the matrix", e.Name)
		}
	}
}

// wrongPOP3: RFC 1939 §§4 to 6. a is AUTHORIZATION, u after USER, t
// TRANSACTION.
func (s *scene) wrongPOP3(t *testing.T) {
	login := []string{"USER " + s.alice, "PASS " + testserver.Password}
	before := map[rune][]string{'a': nil, 'u': login[:1], 't': login}
	for _, tt := range []struct{ command, allowed, given string }{
		{"USER " + s.bob, "au", "aut"}, {"PASS x", "", "at"}, {"APOP x y", "", "aut"}, {"AUTH XYZZY", "", "aut"}, {"AUTH PLAIN " + plainResponse(s.bob, testserver.Password), "au", "aut"},
		{"CAPA", "aut", "aut"}, {"QUIT", "aut", "aut"}, {"STLS", "", "t"},
		{"STAT", "t", "aut"}, {"LIST", "t", "aut"}, {"LIST 1", "t", "aut"}, {"UIDL", "t", "aut"}, {"UIDL 1", "t", "aut"}, {"RETR 1", "t", "aut"}, {"TOP 1 1", "t", "aut"}, {"NOOP", "t", "aut"}, {"RSET", "t", "aut"},
		{"DELE 1", "t", "au"}, {"DELE 0", "", "aut"}, {"RETR 99", "", "aut"}, {"RETR -1", "", "aut"}, {"LIST 4294967297", "", "aut"}, {"XYZZY", "", "aut"}, {"", "", "aut"},
	} {
		for _, state := range tt.given {
			c, err := dial("127.0.0.1", s.Address("pop3"))
			if err == nil {
				err = c.greet("pop3")
			}
			answer := ""
			for _, command := range append(slices.Clone(before[state]), tt.command) {
				if err == nil {
					answer, err = c.last(command, "pop3")
				}
			}
			if err != nil {
				t.Fatalf("%q in state %c: %v", tt.command, state, err)
			}
			if state == 't' {
				c.last("QUIT", "pop3") // the drop is free only then
				c.Close()
			}
			c.Close()
			if got := strings.HasPrefix(answer, "+OK"); got != strings.ContainsRune(tt.allowed, state) {
				t.Errorf("%q in state %c is answered %q", tt.command, state, answer)
			}
		}
	}
}

// wrongSMTP: RFC 5321 §4.1.4, RFC 6409 §4.3, RFC 4954 §4. 0 is before EHLO, h
// after it, m within a message, r with a recipient; on port 25, on submission
// without a login (where there is no m and r), and with one.
func (s *scene) wrongSMTP(t *testing.T) {
	from, to := "MAIL FROM:<"+s.alice+">", "RCPT TO:<"+s.bob+">"
	before := map[rune][]string{'0': nil, 'h': {"EHLO x.example"}, 'm': {"EHLO x.example", from}, 'r': {"EHLO x.example", from, to}}
	for _, tt := range []struct{ command, mx, submission, account, given string }{
		{"EHLO x.example", "0hmr", "0h", "0hmr", "0hmr"}, {"HELO x.example", "0hmr", "0h", "0hmr", "0hmr"}, {"NOOP", "0hmr", "0h", "0hmr", "0hmr"}, {"RSET", "0hmr", "0h", "0hmr", "0hmr"},
		{from, "h", "", "h", "0hmr"}, {to, "mr", "", "mr", "0hmr"}, {"DATA", "r", "", "r", "0hmr"}, {"BDAT 0", "r", "", "r", "0hmr"}, {"BDAT 0 LAST", "", "", "", "0hm"},
		{"AUTH PLAIN " + plainResponse(s.bob, testserver.Password), "", "h", "", "0hmr"}, {"MAIL FROM:<" + s.bob + ">", "h", "", "", "0hmr"},
		{"ETRN x", "", "", "", "0hmr"}, {"TURN", "", "", "", "0hmr"}, {"XYZZY", "", "", "", "0hmr"}, {"", "", "", "", "0hmr"}, {".", "", "", "", "0hmr"},
	} {
		for _, port := range []struct {
			what, service, user, allowed, states string
		}{{"port 25", "smtp", "", tt.mx, "0hmr"}, {"submission", "submission", "", tt.submission, "0h"}, {"an account", "submission", s.alice, tt.account, "hmr"}} {
			for _, state := range tt.given {
				if !strings.ContainsRune(port.states, state) {
					continue
				}
				c, err := dial("127.0.0.1", s.Address(port.service))
				if err == nil {
					_, err = c.reply("220")
				}
				if port.user != "" && err == nil {
					err = c.greetAgain(port.user)
				}
				answer := ""
				for _, command := range append(slices.Clone(before[state]), tt.command) {
					if err == nil {
						answer, err = c.last(command, "submission")
					}
				}
				c.Close()
				if err != nil {
					t.Fatalf("%q in state %c of %s: %v", tt.command, state, port.what, err)
				}
				if got := isSuccess(answer); got != strings.ContainsRune(port.allowed, state) {
					t.Errorf("%q in state %c of %s is answered %q", tt.command, state, port.what, answer)
				}
			}
		}
	}
}

// greetAgain says EHLO and logs in.
func (c *client) greetAgain(user string) error {
	if _, err := c.ask("EHLO x.example", "250"); err != nil {
		return err
	}
	_, err := c.ask("AUTH PLAIN "+plainResponse(user, testserver.Password), "235")
	return err
}

// TestUnauthenticated: after UNAUTHENTICATE (RFC 8437) nothing is left of who was
// there: no mailbox, no set of numbers that was saved, nothing that was enabled.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	bob := s.state(s.bob)
	leave := []string{"SELECT Diary", "SEARCH RETURN (SAVE) ALL", "ENABLE QRESYNC UIDONLY UTF8=ACCEPT", "UNAUTHENTICATE"}
	for _, command := range []string{"UID FETCH 1:* BODY[]", "UID FETCH $ BODY[]", "UID STORE 1:* +FLAGS (x)", "EXPUNGE", "CLOSE", "UID COPY 1:* INBOX", "STATUS Diary (MESSAGES)", "IDLE", `GETMETADATA "" /private/comment`, "SEARCH ALL"} {
		if answer, lines := s.imap(s.bob, append(slices.Clone(leave), command)...); strings.HasPrefix(answer, "OK") || strings.Contains(strings.Join(lines, "\n"), secret) {
			t.Errorf("%s after UNAUTHENTICATE: %q, %q", command, answer, lines)
		}
		enter := append(slices.Clone(leave), fmt.Sprintf("LOGIN %q %q", s.alice, testserver.Password))
		answer, lines := s.imap(s.bob, append(slices.Clone(enter), command)...)
		if selects := !strings.HasPrefix(command, "STATUS") && !strings.HasPrefix(command, "GETMETADATA") && command != "IDLE"; selects && strings.HasPrefix(answer, "OK") || strings.Contains(strings.Join(lines, "\n"), secret) {
			t.Errorf("%s as alice, after bob: %q, %q", command, answer, lines)
		}
		if _, lines := s.imap(s.bob, append(enter, "SELECT INBOX", command)...); strings.Contains(strings.Join(lines, "\n"), secret) {
			t.Errorf("%s in alice's INBOX, after bob: %q", command, lines)
		}
	}
	s.unchanged("UNAUTHENTICATE and what follows it", s.state(s.alice), bob)
}

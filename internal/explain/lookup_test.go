package explain

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for _, test := range []struct{ protocol, client, server, keys string }{
		{SMTP, "mail from:<a@b> size=7 BODY=8BITMIME", "", "smtp/command/MAIL smtp/parameter/MAIL SIZE smtp/parameter/MAIL BODY"},
		{SMTP, `MAIL FROM:<"a SIZE=1"@b>`, "", "smtp/command/MAIL"},
		{SMTP, "AUTH plain ***", "", "smtp/command/AUTH smtp/parameter/AUTH PLAIN"},
		{SMTP, "EHLO x", "", "smtp/command/EHLO"},
		{SMTP, "XYZZY", "", ""},
		{SMTP, "", "550 5.1.1 No such user here: <a@b>", "smtp/reply/550 smtp/status/X.1.1"},
		{SMTP, "", "250-SIZE 1000", "smtp/reply/250 smtp/capability/SIZE"},
		{SMTP, "", "250 2.0.0 OK", "smtp/reply/250 smtp/status/X.0.0"},
		{SMTP, "", "354", "smtp/reply/354"},
		{SMTP, "", "457 5.1.1.1 what", "smtp/reply/4YZ"},
		{SMTP, "", "199 no class", ""},
		{SMTP, "", "5501 no", ""},
		{SMTP, "", "Hello", ""},
		{POP3, "auth PLAIN ***", "", "pop3/command/AUTH smtp/parameter/AUTH PLAIN"},
		{POP3, "RETR 1", "", "pop3/command/RETR"},
		{POP3, "", "-ERR [IN-USE] later", "pop3/reply/-ERR pop3/status/IN-USE"},
		{POP3, "", "+OK [x", "pop3/reply/+OK"},
		{POP3, "", "1 120", "pop3/reply/LINE"},
		{POP3, "", "LINE", "pop3/reply/LINE"},
		{POP3, "", ".", "pop3/reply/."},
		{IMAP, "done", "", "imap/command/DONE"},
		{IMAP, `a UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (TO)] UID)`, "", "imap/command/FETCH imap/parameter/UID imap/parameter/FETCH FLAGS imap/parameter/FETCH BODY.PEEK imap/parameter/FETCH UID"},
		{IMAP, `a UID EXPUNGE 4`, "", "imap/command/UID EXPUNGE"},
		{IMAP, `a STORE 1 +FLAGS.SILENT (\Seen $Junk)`, "", `imap/command/STORE imap/parameter/STORE +FLAGS.SILENT imap/parameter/\SEEN imap/parameter/$JUNK`},
		{IMAP, `a LOGIN SUBSCRIBED ***`, "", "imap/command/LOGIN"},
		{IMAP, `a AUTHENTICATE PLAIN`, "", "imap/command/AUTHENTICATE smtp/parameter/AUTH PLAIN"},
		{IMAP, `a search return (count) unseen from "ALL"`, "", "imap/command/SEARCH imap/parameter/SEARCH RETURN imap/parameter/SEARCH COUNT imap/parameter/SEARCH UNSEEN imap/parameter/SEARCH FROM"},
		{IMAP, "a", "", ""},
		{IMAP, "", "* 3 EXISTS", "imap/reply/EXISTS"},
		{IMAP, "", "* OK [PERMANENTFLAGS (\\Seen \\*)] x", `imap/reply/OK imap/status/PERMANENTFLAGS imap/parameter/\SEEN imap/parameter/\*`},
		{IMAP, "", "a2 NO [OVERQUOTA] x [ALERT]", "imap/reply/NO imap/status/OVERQUOTA"},
		{IMAP, "", "* CAPABILITY IMAP4rev1 AUTH=PLAIN", "imap/reply/CAPABILITY imap/capability/IMAP4REV1 imap/capability/AUTH="},
		{IMAP, "", "* 1 FETCH (FLAGS (\\Seen) UID 3)", `imap/reply/FETCH imap/parameter/FETCH FLAGS imap/parameter/\SEEN imap/parameter/FETCH UID`},
		{IMAP, "", "* STATUS INBOX (MESSAGES 3)", "imap/reply/STATUS imap/parameter/STATUS MESSAGES"},
		{IMAP, "", "+ idling", "imap/reply/+"},
		{IMAP, "", "* + x", ""},
		{"gopher", "x", "", ""},
	} {
		e, ok := Command(test.protocol, test.client)
		if test.server != "" {
			e, ok = Reply(test.protocol, test.server)
		}
		got := ""
		if ok {
			got = strings.Join(e.Keys(), " ")
		}
		if got != test.keys {
			t.Errorf("%s %q%q:\n got %s\nwant %s", test.protocol, test.client, test.server, got, test.keys)
		}
	}
}

// FuzzLookup: no line makes the lookup fail, or grow.
func FuzzLookup(f *testing.F) {
	f.Add("a UID FETCH 1:* (FLAGS)")
	f.Add("* OK [CAPABILITY AUTH=")
	f.Add("550 5.1.1 x")
	f.Add("+ ")
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range []string{SMTP, POP3, IMAP} {
			for _, explain := range []func(string, string) (Entry, bool){Command, Reply} {
				if e, ok := explain(p, line); ok && (e.Title.IsZero() || len(e.Parts) > maxParts) {
					t.Errorf("%s %q: %+v", p, line, e)
				}
			}
		}
	})
}

// TestTranscripts: whatever the daemons' own transcripts have a server say has
// an entry, and so do its codes in brackets.
func TestTranscripts(t *testing.T) {
	for folder, protocol := range map[string]string{"smtpd": SMTP, "pop3d": POP3, "imapd": IMAP} {
		files, err := filepath.Glob("../../" + folder + "/testdata/*.txt")
		if err != nil || len(files) == 0 {
			t.Fatal(folder, files, err)
		}
		lines := 0
		for _, file := range files {
			lines += checkTranscript(t, protocol, file)
		}
		if lines < 100 {
			t.Errorf("%s: only %d lines were looked at", folder, lines)
		}
	}
}

var (
	said      = regexp.MustCompile(`^\d+ <(?:-|\*|\.\.\.)? (.*)`)
	extension = regexp.MustCompile(`^250[ -][A-Z0-9]+( |$)`)
	smtpCode  = regexp.MustCompile(`^\d\d\d[ -]`)
)

func checkTranscript(t *testing.T, protocol, file string) (lines int) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		m := said.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		line := m[1]
		switch protocol {
		case SMTP:
			if !smtpCode.MatchString(line) {
				continue
			}
		case IMAP:
			if words := strings.Fields(line); len(words) < 2 || words[0] != "*" && words[1] != "OK" && words[1] != "NO" && words[1] != "BAD" {
				continue
			}
		}
		lines++
		e, ok := Reply(protocol, line)
		if !ok || e.Kind == KindReply && strings.HasSuffix(e.Name, "YZ") {
			t.Errorf("%s: nothing is known of %q", file, line)
			continue
		}
		if _, code, ok := strings.Cut(line, " ["); protocol != SMTP && ok && !strings.Contains(line, "FETCH") && !strings.HasPrefix(line, "* LIST") {
			words, _ := bracketed("[" + code)
			if len(words) > 0 && len(e.Parts) == 0 {
				t.Errorf("%s: the code of %q is unknown", file, line)
			}
		}
		if names, ok := strings.CutPrefix(line, "* CAPABILITY "); ok && len(strings.Fields(names)) != len(e.Parts) && !strings.Contains(names, "AUTH=") {
			t.Errorf("%s: some of %q is unknown: %v", file, line, e.Keys())
		}
		if word, _, _ := strings.Cut(line[min(4, len(line)):], " "); protocol == SMTP {
			_, ok := statusName(word)
			if (ok || extension.MatchString(line)) && len(e.Parts) == 0 {
				t.Errorf("%s: the second word of %q is unknown", file, line)
			}
		}
	}
	return lines
}

func TestSearch(t *testing.T) {
	for _, test := range []struct{ protocol, text, keys string }{
		{"", "550", "smtp/reply/550"},
		{"", "550-5.1.1 x", "smtp/reply/550 smtp/status/X.1.1"},
		{"", "4.2.2", "smtp/status/X.2.2"},
		{"", "X.2.2", "smtp/status/X.2.2"},
		{"", "noop", "smtp/command/NOOP pop3/command/NOOP imap/command/NOOP"},
		{IMAP, "noop", "imap/command/NOOP"},
		{"", "[IN-USE]", "pop3/status/IN-USE"},
		{"", "RCPT TO:<a@b>", "smtp/command/RCPT"},
		{"", "* 3 EXISTS", "imap/reply/EXISTS"},
		{"", `\Seen`, `imap/parameter/\SEEN`},
		{"", "456", ""},
		{"", "what is this", ""},
		{"", "LINE", ""},
		{"", "", ""},
	} {
		var keys []string
		for _, e := range Search(test.protocol, test.text) {
			keys = append(keys, e.Keys()...)
		}
		if got := strings.Join(keys, " "); got != test.keys {
			t.Errorf("%s %q: %s, want %s", test.protocol, test.text, got, test.keys)
		}
	}
}

//go:build interop

package interop

import (
	"path/filepath"
	"testing"
)

// TestLibraries runs a program in each language that finds, reads, flags, moves
// and deletes messages, keeps one, waits for one that it sends, and fetches by
// POP3.
func TestLibraries(t *testing.T) {
	for script, program := range map[string][]string{
		"imap.rb":   {"ruby"},
		"imap.pl":   {"perl"},
		"Imap.java": {"java", "-cp", "/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar"},
	} {
		t.Run(program[0], func(t *testing.T) {
			s := start(t, "alice")
			s.deliver("alice", letter("one", "text of one"), letter("two", "text of two"), letter("three", "text of three"))
			file, err := filepath.Abs("testdata/libraries/" + script)
			if err != nil {
				t.Fatal(err)
			}
			args := append(program[1:], file, s.Port("imaps"), s.Port("submissions"), s.Port("pop3s"), "alice@"+domain, password, s.Dir+"/ca.pem")
			run(t, "", program[0], args...)
			s.wantMessage("alice", "INBOX", 2, "Subject: four", "\r\n.dots\r\n")
			s.wantMessage("alice", "Archive", 1, "Subject: two")
			s.wantMessage("alice", "Sent", 1, "Subject: sent")
			if flags := s.flags("alice", "INBOX")["one"]; flags != `[$Work \Flagged \Seen]` && flags != `[$Work \Flagged]` {
				t.Errorf("one is flagged %s", flags)
			}
		})
	}
}

package imapd

import (
	"strings"
	"testing"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// TestAccountGone deletes the account of an open session, which nobody has ended
// yet: it is refused what it asks, and nothing is called an error of our own
// (which would fail the fixture).
func TestAccountGone(t *testing.T) {
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.login()
	account, err := f.store.Account(t.Context(), mail.Address{Local: "alice", Domain: "example.org"})
	check(t, err)
	check(t, f.store.DeleteAccount(t.Context(), account.ID))
	for _, tt := range []struct{ command, answer string }{
		{"CREATE Notes", "NO [EXPIRED]"},
		{"SUBSCRIBE INBOX", "NO [EXPIRED]"},
		{"SELECT INBOX", "NO [NONEXISTENT]"},
		{"STATUS INBOX (MESSAGES)", "NO [NONEXISTENT]"},
		{"RENAME Archive Old", "NO [NONEXISTENT]"},
		{"DELETE Archive", "NO [NONEXISTENT]"},
		{"GETQUOTAROOT INBOX", "NO [EXPIRED]"},
		{"GETQUOTA \"\"", "NO [EXPIRED]"},
		{"SETMETADATA \"\" (/private/comment \"x\")", "NO [EXPIRED]"},
		{"APPEND INBOX {1+}\r\nx", "NO [TRYCREATE]"},
		{"LIST \"\" *", "OK"},
		{"NOOP", "OK"},
	} {
		c.say("b " + tt.command + "\r\n")
		if got := c.until("b "); !strings.HasPrefix(got, "b "+tt.answer) {
			t.Errorf("%s: %s", tt.command, got)
		}
	}
}

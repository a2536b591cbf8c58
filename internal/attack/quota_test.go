//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"

	"posthorn/internal/testserver"
)

// TestOthersQuotas: nobody sees or sets another's limits, by any name of a quota
// root, nor learns by them who there is.
func TestOthersQuotas(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Must("user", "quota", s.bob, "--quota", "1 GiB", "--quota-messages", "5000")
	limits := func() string {
		_, lines := s.imap(s.bob, `GETQUOTA ""`)
		return strings.Join(lines, "\n")
	}
	before := limits()
	if !strings.Contains(before, " 1048576 MESSAGE ") || !strings.Contains(before, " 5000)") {
		t.Fatalf("bob is told %q", before)
	}
	nobody := ""
	for i, name := range []string{
		"nobody@" + testserver.Domain, s.bob, strings.ToUpper(s.bob), " " + s.bob, s.bob + "/", "<" + s.bob + ">", "bob", "#user/bob", "user.bob", "user/bob", "User quota", "INBOX", "*", "%", "0", "2",
		s.bob + "' OR 1=1 --", "postmaster@" + testserver.Domain, s.alice,
	} {
		for _, command := range []string{"GETQUOTA %s", "SETQUOTA %s (STORAGE 1)", "SETQUOTA %s ()", "SETQUOTA %s (STORAGE 999999999 MESSAGE 999999999)"} {
			answer, lines := s.imap(s.alice, fmt.Sprintf(command, quoted(name)))
			if i == 0 && nobody == "" {
				nobody = answer
			}
			got := strings.ReplaceAll(answer, "SETQUOTA", "GETQUOTA")
			if got != nobody || !strings.HasPrefix(answer, "NO ") || strings.Contains(strings.Join(lines, "\n"), "* QUOTA") {
				t.Errorf("%s of %q: %q %q, of nobody %q", command, name, answer, lines, nobody)
			}
		}
	}
	if answer, _ := s.imap(s.alice, `SETQUOTA "" (STORAGE 999999999)`); !strings.HasPrefix(answer, "NO [NOPERM]") {
		t.Errorf("the own one: %q", answer)
	}
	if after := limits(); after != before {
		t.Errorf("bob was told %q, and is told %q", before, after)
	}
}

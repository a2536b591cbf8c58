package smtpd

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// mixes are all strings of up to n of the octets that servers disagree about.
func mixes(n int) []string {
	all := []string{""}
	for from := 0; n > 0; n-- {
		end := len(all)
		for _, prefix := range all[from:end] {
			for _, c := range "\r\n.\x00" {
				all = append(all, prefix+string(c))
			}
		}
		from = end
	}
	return all
}

const (
	evil    = "MAIL FROM:<evil@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\nevil\r\n.\r\n"
	goodEnd = "\r\n.\r\nQUIT\r\n"
)

// TestSmuggling: whatever stands around a lone dot, a second message is taken
// out of the first only where RFC 5321 §4.1.1.4 says that the first ended.
func TestSmuggling(t *testing.T) {
	for port, login := range map[string]string{
		"mx":               "",
		"submission clear": "AUTH PLAIN AGJvYkBoYW1idXJnZXIuZWR1AGtldGNodXA=\r\n",
	} {
		t.Run(port, func(t *testing.T) {
			h := newHarness(t)
			sides := mixes(3)
			if testing.Short() {
				sides = mixes(2)
			}
			for _, left := range sides {
				for _, right := range sides {
					checkSmuggling(t, h, port, login, "a"+left+"."+right)
				}
			}
		})
	}
}

func checkSmuggling(t *testing.T, h *harness, port, login, text string) {
	conn, err := h.dial(port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, "EHLO c\r\n"+login+"MAIL FROM:<a@b.org>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n"+text+evil+goodEnd)
	heard, _ := io.ReadAll(bufio.NewReader(conn))

	// Where the client itself ended the first message, what follows are
	// commands.
	end := strings.Index("\r\n"+text+evil, "\r\n.\r\n")
	commands := strings.FieldsFunc((text + evil)[end+len(".\r\n"):], func(r rune) bool { return r == '\n' })
	split := slices.Contains(commands, "MAIL FROM:<evil@crepes.fr>\r")
	messages := h.backend.take()
	if smuggled := len(messages) > 0 && messages[len(messages)-1].envelope.From.Local == "evil"; smuggled && !split {
		t.Errorf("%q: smuggled: %v", text, messages)
	}
	for _, m := range messages {
		if bare(m.body) {
			t.Errorf("%q: a bare CR, LF or NUL was taken: %q", text, m.body)
		}
	}
	if split != (strings.Count(string(heard), "\r\n354 ") == 2) {
		t.Errorf("%q: out of step: %q", text, heard)
	}
	if login == "" && bare(text[:min(end, len(text))]) && !strings.Contains(string(heard), "\r\n550 5.6.11 ") {
		t.Errorf("%q: not refused: %q", text, heard)
	}
}

func bare(s string) bool {
	s = strings.ReplaceAll(s, "\r\n", "")
	return strings.ContainsAny(s, "\r\n\x00")
}

// TestMixes: the matrix is whole.
func TestMixes(t *testing.T) {
	if n := len(mixes(3)); n != 1+4+16+64 {
		t.Error(n)
	}
	if fmt.Sprintf("%q", mixes(1)) != `["" "\r" "\n" "." "\x00"]` {
		t.Errorf("%q", mixes(1))
	}
}

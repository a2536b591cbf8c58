package explain

import (
	"slices"
	"strings"
	"testing"
)

// TestRows: the table is the textbook's, with the RFCs' additions named.
func TestRows(t *testing.T) {
	for command, want := range map[string][2][]int{
		"":         {{220}, {554}},
		"STARTTLS": {{220}, {454}},
		"EHLO":     {{250}, {502, 504, 550}},
		"HELO":     {{250}, {502, 504, 550}},
		"AUTH":     {{235, 334}, {530, 535, 538}},
		"MAIL":     {{250}, {451, 452, 455, 503, 550, 552, 553, 555}},
		"RCPT":     {{250, 251}, {450, 451, 452, 455, 503, 550, 551, 552, 553, 555}},
		"DATA":     {{250, 354}, {450, 451, 452, 503, 550, 552, 554}},
		"QUIT":     {{221}, {}},
	} {
		i := slices.IndexFunc(Rows(), func(r Row) bool { return r.Command == command })
		if i < 0 || !slices.Equal(Rows()[i].Positive, want[0]) || !slices.Equal(Rows()[i].Negative, want[1]) {
			t.Errorf("%q: the row is not %v", command, want)
		}
	}
	for _, row := range Rows() {
		for _, x := range row.Exceptions {
			if !strings.Contains(x.RFC, "RFC") || !strings.Contains(x.RFC, "§") {
				t.Errorf("%s %d: %q names no section", row.Command, x.Code, x.RFC)
			}
		}
	}
	if MayAnswer("QUIT", 250) || MayAnswer("XYZZY", 502) || !MayAnswer("XYZZY", 500) || !MayAnswer("NOOP", 421) {
		t.Error("MayAnswer is wrong")
	}
}

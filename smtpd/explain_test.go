package smtpd

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"posthorn/internal/explain"
)

// TestExplained: the catalogue has every command, and a row of replies for it.
func TestExplained(t *testing.T) {
	commands := []string{"SEND", "SOML", "SAML", "TURN", "ETRN"}
	for _, topic := range helpTexts() {
		commands = append(commands, topic[0])
	}
	for _, c := range commands {
		if _, ok := explain.Command(explain.SMTP, c); !ok {
			t.Errorf("%s is not explained", c)
		}
		if !explain.HasRow(c) {
			t.Errorf("%s has no row of replies", c)
		}
	}
}

// TestGivenCodes: what the catalogue says that this server may answer is what
// stands in this package's code, faults on demand apart.
func TestGivenCodes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	written := map[int]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "fault.go" {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bcode: ([2-5]\d\d)\b`).FindAllSubmatch(source, -1) {
			code, _ := strconv.Atoi(string(m[1]))
			written[code] = true
		}
	}
	for _, c := range explain.Codes() {
		if c.Given != written[c.Code] {
			t.Errorf("%d: the catalogue says %v, the code %v", c.Code, c.Given, written[c.Code])
		}
		delete(written, c.Code)
	}
	for code := range written {
		t.Errorf("%d is given, and not explained", code)
	}
}

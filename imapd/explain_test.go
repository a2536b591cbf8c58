package imapd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"posthorn/internal/explain"
	"posthorn/internal/mail"
)

// TestExplained: the catalogue has every command, capability and response code.
func TestExplained(t *testing.T) {
	table := commands(Config{Compress: true, Unauthenticate: true})
	for name := range table {
		if _, ok := explain.Command(explain.IMAP, "a "+name+" x"); !ok {
			t.Errorf("%s is not explained", name)
		}
	}
	for _, e := range explain.Entries() {
		if e.Protocol != explain.IMAP || e.Kind != explain.KindCommand || e.Name == "DONE" || e.Name == "UID" {
			continue
		}
		if _, ok := table[e.Name]; !ok {
			t.Errorf("%s is explained, and not there", e.Name)
		}
	}
	all := Config{UIDOnly: true, MessageLimit: 5, Compress: true, Unauthenticate: true, QuotaAdmins: []mail.Address{{}}}
	s := &session{srv: &Server{cfg: all}, state: selected}
	for _, name := range append(strings.Fields(s.capabilities()), "STARTTLS", "LOGINDISABLED") {
		e, ok := explain.Reply(explain.IMAP, "* CAPABILITY "+name)
		if !ok || len(e.Parts) != 1 {
			t.Errorf("the capability %s is not explained", name)
		}
	}
	for _, code := range writtenCodes(t) {
		if _, ok := explain.Find(explain.IMAP, explain.KindStatus, code); !ok {
			t.Errorf("the code %s is not explained", code)
		}
	}
}

// writtenCodes are the response codes that stand in this package's code.
func writtenCodes(t *testing.T) (codes []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`(?:\b(?:no|ok)\(|status\{"(?:OK|NO|BAD)", |"\* (?:OK|NO) \[)"?([A-Z][A-Z-]{3,})`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllSubmatch(source, -1) {
			codes = append(codes, string(m[1]))
		}
	}
	if len(codes) < 30 {
		t.Errorf("only %d codes were found", len(codes))
	}
	return codes
}

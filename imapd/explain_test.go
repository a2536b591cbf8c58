package imapd

import (
	"testing"

	"posthorn/internal/explain"
)

// TestExplained: the catalogue has every command, and every response code that
// an error is answered with.
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
	for _, k := range kinds {
		if _, ok := explain.Find(explain.IMAP, explain.KindStatus, k.say.code); k.say.code != "" && !ok {
			t.Errorf("the code %s is not explained", k.say.code)
		}
	}
}

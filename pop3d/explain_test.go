package pop3d

import (
	"strings"
	"testing"

	"posthorn/internal/explain"
)

// TestExplained: the catalogue has every command.
func TestExplained(t *testing.T) {
	for _, name := range append(strings.Fields(names), "APOP") {
		if find(name) == nil {
			t.Errorf("there is no %s", name)
		}
		if _, ok := explain.Command(explain.POP3, name); !ok {
			t.Errorf("%s is not explained", name)
		}
	}
	for _, e := range explain.Entries() {
		if e.Protocol == explain.POP3 && e.Kind == explain.KindCommand && find(e.Name) == nil {
			t.Errorf("%s is explained, and not there", e.Name)
		}
	}
}

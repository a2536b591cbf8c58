package smtpd

import (
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

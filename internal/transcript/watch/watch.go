// Package watch has transcripts' steps about what a class does to a server: it
// arms faults, and sees what commands change.
package watch

import (
	"regexp"
	"strings"

	"posthorn/internal/fault"
	"posthorn/internal/wire"
)

// numbers that are another each time.
var numbers = regexp.MustCompile(`(MODSEQ|UIDVALIDITY) [0-9]+`)

// Steps adds to a daemon's own steps
//
//	fault smtp reply RCPT 450   have that fault go off once (fault.Parse)
//	notes                       begin to watch; then: what was changed since
//
// for connections with this Tap and these faults.
func Steps(own map[string]func(string) (string, error), tap *wire.Tap, faults *fault.Set) map[string]func(string) (string, error) {
	own["fault"] = func(args string) (string, error) {
		f, err := fault.Parse(args)
		if err == nil {
			faults.Arm(f)
		}
		return "", err
	}
	var sub *wire.Subscription
	own["notes"] = func(string) (string, error) {
		if sub == nil {
			sub = tap.Subscribe(1000)
			return "", nil
		}
		var b strings.Builder
		events, _ := sub.Next(nil)
		for _, e := range events {
			if e.Kind == wire.Noted {
				b.WriteString(numbers.ReplaceAllString(e.Note.String(), "$1 N") + "\n")
			}
		}
		return b.String(), nil
	}
	return own
}

package imapd

import (
	"slices"
	"strings"
)

// quirk is a fault of one client that is known, seen and told by it in no
// other way than by its ID, and what is done about it.
//
// RFC 2971 §2 forbids that ("Servers MUST NOT attempt to work around client
// bugs by using information from the ID command"), and rightly: a client that
// mends its fault stays locked out. So the bar for a row is high. What can be
// done for all clients alike is done for all, and needs no row: special uses
// stand in plain LIST for Apple Mail's sake, LIST-EXTENDED is offered beside
// them for Thunderbird on Android, EXPUNGE comes before EXISTS for Apple Mail,
// POP3's UTF8 is taken after PASS for Outlook. And a row may only hide what is
// off unless the operator turned it on; so a server as it is installed treats
// everybody alike. Config.NoQuirks switches the table off.
type quirk struct {
	// name and vendor are those of the client's ID, without regard to case.
	name, vendor string
	// hides are capabilities that it isn't offered, and can't enable.
	hides []string
	// evidence says what it does wrong, and who saw it.
	evidence string
}

var quirks = []quirk{
	{
		name: "Microsoft Office 365", vendor: "Microsoft Corporation", hides: []string{"UIDONLY"},
		evidence: "The service behind the new Outlook enables UIDONLY and then sends FETCH with sequence numbers, " +
			"so that no message comes in (github.com/modern-email/defects issue 49, September 2025, with a transcript; github.com/mjl-/mox issue 388)",
	},
}

// heed looks up what the client that told its ID does wrong. The last ID
// counts, so that one connection may serve several clients in turn.
func (s *session) heed(id []idField) {
	s.hidden = nil
	if s.srv.cfg.NoQuirks {
		return
	}
	for _, q := range quirks {
		if tells(id, "name", q.name) && tells(id, "vendor", q.vendor) {
			s.hidden = append(s.hidden, q.hides...)
		}
	}
}

// tells reports whether an ID has a field of that value.
func tells(id []idField, name, value string) bool {
	return slices.ContainsFunc(id, func(f idField) bool {
		return strings.EqualFold(f.name, name) && strings.EqualFold(f.value, value)
	})
}

// hides reports whether a capability is kept from this client.
func (s *session) hides(capability string) bool {
	return slices.ContainsFunc(s.hidden, func(h string) bool { return strings.EqualFold(h, capability) })
}

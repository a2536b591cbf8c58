package imapd

import (
	"strings"

	"posthorn/internal/wire"
)

// cmdEnable is ENABLE (RFC 9051 §6.3.1). What isn't known, or needn't be
// enabled, is passed over.
func (s *session) cmdEnable(d *decoder) error {
	caps := d.enableArgs()
	if err := d.end(); err != nil {
		return err
	}
	condstore, enabled := false, []string{}
	for _, c := range caps {
		switch {
		case s.hides(c):
		case c == "IMAP4REV2" && !s.enabled.rev2:
			s.enabled.rev2 = true
			enabled = append(enabled, "IMAP4rev2")
		case c == "UTF8=ACCEPT" && !s.enabled.utf8:
			s.enabled.utf8 = true
			enabled = append(enabled, "UTF8=ACCEPT")
		case c == "CONDSTORE" && !condstore:
			// Said anew after another of the commands that switch it on.
			condstore = true
			enabled = append(enabled, "CONDSTORE")
		case c == "UIDONLY" && s.srv.cfg.UIDOnly && !s.enabled.uidOnly:
			s.enabled.uidOnly = true
			enabled = append(enabled, "UIDONLY")
		case c == "QRESYNC" && !s.enabled.qresync:
			s.enabled.qresync = true
			enabled = append(enabled, "QRESYNC")
		}
	}
	s.out.raw("* ENABLED")
	for _, name := range enabled {
		s.out.raw(" ", name)
	}
	s.out.end()
	if len(enabled) > 0 {
		s.note(wire.Note{Kind: "enabled", Text: strings.Join(enabled, " ")})
	}
	if condstore || s.enabled.qresync {
		s.enableCondstore()
	}
	s.out.unicode = s.enabled.unicode()
	return nil
}

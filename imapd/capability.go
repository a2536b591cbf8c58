package imapd

import (
	"slices"
	"strconv"
	"strings"
)

// capabilities lists what is offered in the present state (RFC 9051 §7.2.2).
// Before login that is little: what can be used there, and what a client needs
// to know to log in.
func (s *session) capabilities() string {
	caps := []string{"IMAP4rev1", "IMAP4rev2", "SASL-IR", "LITERAL+", "ENABLE", "ID"}
	if s.state == notAuthenticated {
		if s.conn.CanStartTLS() {
			caps = append(caps, "STARTTLS")
		}
		if !s.private() {
			return strings.Join(append(caps, "LOGINDISABLED"), " ")
		}
		for _, m := range s.srv.auth.Mechanisms(s.conn.TLSState()) {
			caps = append(caps, "AUTH="+m)
		}
		return strings.Join(caps, " ")
	}
	caps = append(caps,
		"NAMESPACE", "UIDPLUS", "UNSELECT", "IDLE", "CHILDREN", "SPECIAL-USE", "CREATE-SPECIAL-USE",
		"LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "ESEARCH", "SEARCHRES", "MOVE", "BINARY", "UTF8=ACCEPT", "CONDSTORE", "QRESYNC",
		"OBJECTID", "SAVEDATE", "PARTIAL", "QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "METADATA", "LIST-METADATA", "XLIST",
		"WITHIN", "MULTIAPPEND", "REPLACE", "PREVIEW",
		"SORT", "SORT=DISPLAY", "ESORT", "I18NLEVEL=1", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS", "SEARCH=FUZZY", "INPROGRESS",
		"APPENDLIMIT="+strconv.FormatInt(s.srv.cfg.MaxMessage, 10))
	if s.quotaAdmin() {
		caps = append(caps, "QUOTASET")
	}
	if s.srv.cfg.UIDOnly {
		caps = append(caps, "UIDONLY")
	}
	if n := s.srv.cfg.MessageLimit; n > 0 {
		caps = append(caps, "MESSAGELIMIT="+strconv.Itoa(n))
	}
	if s.srv.cfg.Compress {
		caps = append(caps, "COMPRESS=DEFLATE")
	}
	if s.srv.cfg.Unauthenticate {
		caps = append(caps, "UNAUTHENTICATE")
	}
	return strings.Join(slices.DeleteFunc(caps, s.hides), " ")
}

// greet sends the greeting (RFC 9051 §7.1.1).
func (s *session) greet() {
	s.out.open()
	s.out.status("*", status{"OK", "CAPABILITY " + s.capabilities(), "IMAP server ready"})
	s.out.close()
}

// cmdCapability is CAPABILITY (RFC 9051 §6.1.1).
func (s *session) cmdCapability(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.out.raw("* CAPABILITY ", s.capabilities())
	s.out.end()
	return nil
}

package imapd

import (
	"errors"
	"fmt"
	"strings"

	"posthorn/internal/mail"
	"posthorn/store"
)

// METADATA (RFC 5464): annotations of mailboxes, and of the server as one
// account sees it. Mailboxes have one owner, so that /private and /shared
// differ in name only, except for the server's own: who could change its
// /shared entries would speak to all accounts, so that only the operator can.
//
// Changes by another session are not told unasked, which §4.1 leaves to the
// server: a session watches the mailbox that is selected, and these may be of
// any. ENABLE METADATA is passed over accordingly.

// cmdGetMetadata is GETMETADATA (RFC 5464 §4.2).
func (s *session) cmdGetMetadata(d *decoder) error {
	args := d.getMetadataArgs()
	if err := d.end(); err != nil {
		return err
	}
	id, err := s.annotated(args.mailbox)
	if err != nil {
		return err
	}
	list, err := s.srv.store.Annotations(s.ctx, s.account(), id)
	if err != nil {
		return err
	}
	if args.mailbox == "" {
		list = append(list, s.srv.cfg.annotations()...)
	}
	found, longest := pickAnnotations(list, args)
	if len(found) > 0 {
		s.writeMetadata(args.mailbox, found)
	}
	if longest > 0 {
		s.ok(fmt.Sprintf("METADATA LONGENTRIES %d", longest), "")
	}
	return nil
}

// annotations are the server's, which are the same for everybody (RFC 5464
// §3.2.1.1).
func (cfg *Config) annotations() (list []store.Annotation) {
	if cfg.Admin != "" {
		list = append(list, store.Annotation{Entry: "/shared/admin", Value: []byte(cfg.Admin)})
	}
	if cfg.Comment != "" {
		list = append(list, store.Annotation{Entry: "/shared/comment", Value: []byte(cfg.Comment)})
	}
	return list
}

// annotated is the mailbox whose annotations are meant, 0 for the server.
func (s *session) annotated(mailbox string) (store.MailboxID, error) {
	if mailbox == "" {
		return 0, nil
	}
	mb, err := s.srv.store.MailboxByName(s.ctx, s.account(), mailbox)
	return mb.ID, err
}

// pickAnnotations is what is asked for of a list: each entry that is named, NIL
// where it has no value and nothing below it is asked for, and those below it
// down to the depth; each once. longest is the size of the largest value that
// was left out for its size, or 0.
func pickAnnotations(list []store.Annotation, args getMetadataArgs) (found []store.Annotation, longest int) {
	seen := make(map[string]bool)
	for _, entry := range args.entries {
		key := strings.ToLower(entry)
		there := false
		for _, a := range list {
			if !below(a.Entry, key, args.depth) {
				continue
			}
			there = there || a.Entry == key
			switch {
			case seen[a.Entry]:
			case args.maxSize >= 0 && int64(len(a.Value)) > args.maxSize:
				longest = max(longest, len(a.Value))
			case a.Entry == key:
				found = append(found, store.Annotation{Entry: entry, Value: a.Value})
			default:
				found = append(found, a)
			}
			seen[a.Entry] = true
		}
		if !there && !seen[key] && args.depth == 0 {
			found = append(found, store.Annotation{Entry: entry})
			seen[key] = true
		}
	}
	return found, longest
}

// below reports whether name is entry, or at most depth levels below it.
func below(name, entry string, depth int) bool {
	rest, ok := strings.CutPrefix(name, entry)
	return ok && (rest == "" || rest[0] == '/' && strings.Count(rest, "/") <= depth)
}

// writeMetadata sends a METADATA response with values (RFC 5464 §4.4.1).
func (s *session) writeMetadata(mailbox string, list []store.Annotation) {
	w := s.out
	w.raw("* METADATA ")
	w.mailbox(mailbox)
	for i, a := range list {
		w.raw(" ")
		if i == 0 {
			w.raw("(")
		}
		w.astring(a.Entry)
		w.raw(" ")
		w.value(a.Value)
	}
	w.raw(")")
	w.end()
}

// value appends octets as a string, or a literal8 where it holds NULs; nil as
// NIL.
func (w *writer) value(octets []byte) {
	s := string(octets)
	switch {
	case octets == nil:
		w.raw("NIL")
	case strings.Contains(s, "\x00"):
		w.raw("~")
		w.literal(int64(len(s)))
		w.raw(s)
	default:
		w.string(s)
	}
}

// cmdSetMetadata is SETMETADATA (RFC 5464 §4.3).
func (s *session) cmdSetMetadata(d *decoder) error {
	mailbox, entries := d.setMetadataArgs()
	if err := d.end(); err != nil {
		return err
	}
	id, err := s.annotated(mailbox)
	if err != nil {
		return err
	}
	list := make([]store.Annotation, len(entries))
	var loser *store.Mailbox
	for i, e := range entries {
		list[i] = store.Annotation{Entry: e.entry, Value: e.value}
		switch {
		case mailbox == "" && strings.HasPrefix(e.entry, "/shared/"):
			return no("NOPERM", "Nobody but the operator speaks for the whole server")
		case mailbox != "" && e.entry == store.SpecialUseEntry:
			if loser, err = s.takeUse(id, mailbox, &list[i]); err != nil {
				return err
			}
		}
	}
	err = s.srv.store.SetAnnotations(s.ctx, s.account(), id, list)
	switch {
	case errors.Is(err, mail.ErrTooLarge):
		return no(fmt.Sprintf("METADATA MAXSIZE %d", store.MaxAnnotation), "A value is too large")
	case errors.Is(err, mail.ErrOverQuota):
		return no("METADATA TOOMANY", "Too many annotations, or too much in all")
	}
	if err == nil {
		s.noteAnnotated(mailbox, list)
	}
	if err == nil && loser != nil {
		s.noteAnnotated(loser.Name, []store.Annotation{{Entry: store.SpecialUseEntry}})
		s.writeMetadata(loser.Name, []store.Annotation{{Entry: store.SpecialUseEntry}}) // RFC 6154 §5.4
	}
	return err
}

// takeUse checks a special use that is to be set as an annotation as CREATE
// checks it (RFC 6154 §4), and puts it into its own letters. Unlike CREATE it
// takes the use from the mailbox that has it, which it returns.
func (s *session) takeUse(id store.MailboxID, mailbox string, a *store.Annotation) (loser *store.Mailbox, err error) {
	use, err := knownUse(strings.Fields(string(a.Value)))
	if err != nil {
		return nil, err
	}
	if use != "" && mailbox == "INBOX" {
		return nil, no("USEATTR", "INBOX has its use")
	}
	a.Value = []byte(use)
	if loser, err = s.holder(use); loser != nil && loser.ID == id {
		loser = nil
	}
	return loser, err
}

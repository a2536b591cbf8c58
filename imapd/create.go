package imapd

import (
	"errors"
	"slices"
	"strings"

	"posthorn/internal/mail"
	"posthorn/store"
)

// specialUses are those that a mailbox can be made with (RFC 6154 §2); \All and
// \Flagged would have to gather messages by themselves.
var specialUses = [...]string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}

// cmdCreate is CREATE (RFC 9051 §6.3.4, RFC 6154 §3).
func (s *session) cmdCreate(d *decoder) error {
	args := d.createArgs()
	if err := d.end(); err != nil {
		return err
	}
	use, err := knownUse(args.use)
	if err != nil {
		return err
	}
	if holder, err := s.holder(use); err != nil {
		return err
	} else if holder != nil {
		return no("USEATTR", "Another mailbox has that special use")
	}
	levels := s.missingLevels(args.mailbox)
	mb, err := s.srv.store.CreateMailbox(s.ctx, s.account(), args.mailbox, use)
	if err != nil {
		return nameError(err)
	}
	s.noteCreated(&mb, levels)
	s.ok("MAILBOXID ("+mb.ObjectID()+")", "CREATE completed") // RFC 8474 §4.1
	if s.enabled.rev2 && mb.Name != args.given {
		s.writeRenamed(&listed{name: mb.Name, box: &mb}, args.given)
	}
	return nil
}

// knownUse is the one special use that is asked for, or none. A mailbox has
// one, and no two mailboxes the same (RFC 6154 §3 leaves both to the server).
func knownUse(asked []string) (string, error) {
	if len(asked) == 0 {
		return "", nil
	}
	i := slices.IndexFunc(specialUses[:], func(use string) bool { return strings.EqualFold(use, asked[0]) })
	if i < 0 {
		return "", no("USEATTR", "That special use is not supported")
	}
	for _, other := range asked[1:] {
		if !strings.EqualFold(other, asked[0]) {
			return "", no("USEATTR", "A mailbox has one special use at most")
		}
	}
	return specialUses[i], nil
}

// holder is the mailbox that has a special use, or nil.
func (s *session) holder(use string) (*store.Mailbox, error) {
	if use == "" {
		return nil, nil
	}
	boxes, err := s.srv.store.Mailboxes(s.ctx, s.account())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(boxes, func(mb store.Mailbox) bool { return mb.SpecialUse == use })
	if i < 0 {
		return nil, nil
	}
	return &boxes[i], nil
}

// nameError tells why a name can't be that of a new mailbox.
func nameError(err error) error {
	if errors.Is(err, mail.ErrInvalid) {
		return no("CANNOT", "No mailbox can have that name")
	}
	return err
}

package pop3d

import (
	"fmt"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// cmdDele is DELE (RFC 1939 §5): a mark, no more.
func (s *session) cmdDele(args []string) error {
	m, n, err := s.drop.message(args[0])
	if err != nil {
		return err
	}
	m.deleted = true
	if s.conn.Watched() {
		s.conn.Note(wire.Note{Kind: "marked", Account: s.drop.owner, Mailbox: "INBOX", UIDs: strconv.FormatUint(uint64(m.uid), 10), Count: s.drop.marked()})
	}
	s.ok("Message %d deleted", n)
	return nil
}

// marked counts the messages that are marked as deleted.
func (d *drop) marked() int {
	n, _ := d.total()
	return len(d.messages) - n
}

// cmdRset is RSET (RFC 1939 §5).
func (s *session) cmdRset([]string) error {
	if s.conn.Watched() {
		s.conn.Note(wire.Note{Kind: "unmarked", Account: s.drop.owner, Mailbox: "INBOX", Count: s.drop.marked()})
	}
	for i := range s.drop.messages {
		s.drop.messages[i].deleted = false
	}
	s.ok("%s", s.drop.summary())
	return nil
}

// cmdQuit is QUIT: in the TRANSACTION state the one thing that leads to the
// UPDATE state (RFC 1939 §6), where what is marked is removed.
func (s *session) cmdQuit([]string) error {
	last := "+OK Bye"
	if s.state == transaction {
		last = s.update()
	}
	s.leaveDrop() // before the client hears of it, and logs in again
	s.over = true
	s.conn.Hangup(last)
	return nil
}

// update removes what is marked, in one transaction: only messages that were
// there at login can be. It returns what to say.
func (s *session) update() string {
	var marked mail.UIDSet
	for i := range s.drop.messages {
		if m := &s.drop.messages[i]; m.deleted {
			marked.Add(m.uid)
		}
	}
	if len(marked) > 0 {
		gone, modseq, err := s.srv.cfg.Store.Expunge(s.ctx, s.drop.mailbox, marked, true)
		if err != nil {
			s.srv.cfg.Log.Internal(s.conn.ID(), "QUIT", err)
			return "-ERR [SYS/TEMP] The deleted messages could not be removed: they are still there"
		}
		s.conn.Note(wire.Note{Kind: "expunged", Account: s.drop.owner, Mailbox: "INBOX", UIDs: gone.String(), Count: int(gone.Len()), ModSeq: uint64(modseq)})
	}
	left, _ := s.drop.total()
	if left == 0 {
		return "+OK Bye (mailbox empty)"
	}
	return fmt.Sprintf("+OK Bye (%s left)", messages(left))
}

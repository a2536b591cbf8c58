package imapd

import (
	"bytes"
	"errors"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/store"
)

// A client that uploads many messages sends APPEND after APPEND without waiting
// (LITERAL+). Each is given to the store as it comes, and answered when nothing
// more is at hand, or something else is to be done: so one commit serves many.
// The order stays that of the commands, of the UIDs and of the answers.
const (
	// maxAhead and maxAheadOctets bound the messages that wait for their
	// answer. Octets of a large one are on disk already.
	maxAhead       = 64
	maxAheadOctets = 1 << 20
	// maxAheadWait is the most octets of the next message that an answer waits
	// for.
	maxAheadWait = 64 << 10
)

// appending is an APPEND that is not answered yet.
type appending struct {
	tag    string
	upload *upload
	wait   func() ([]store.Accepted, error)
}

// errLater is returned by a handler whose command is answered by settle.
var errLater = errors.New("to be answered later")

// answerLater notes an APPEND that the store has begun.
func (s *session) answerLater(a *appending) error {
	s.ahead = append(s.ahead, a)
	s.aheadOctets += a.upload.octets
	if len(s.ahead) >= maxAhead || s.aheadOctets >= maxAheadOctets {
		s.settle()
	}
	return errLater
}

// lineAtHand reports whether the client has sent a line that was not read yet.
func (s *session) lineAtHand() bool {
	if s.conn.Buffered() == 0 {
		return false
	}
	b, err := s.conn.Fill() // reads nothing: there is something
	return err == nil && bytes.IndexByte(b, '\n') >= 0
}

// settle waits for the APPENDs that are under way, and answers them.
func (s *session) settle() {
	list := s.ahead
	if len(list) == 0 {
		return
	}
	s.ahead, s.aheadOctets = nil, 0
	if s.out.b == nil {
		s.out.open()
		defer s.out.close()
	}
	tag, name, done, limit, answered, numbers := s.tag, s.name, s.done, s.limit, s.answered, s.numbers
	for _, a := range list {
		s.tag, s.name, s.done, s.limit, s.answered, s.numbers = a.tag, "APPEND", status{}, 0, false, false
		_, end := s.working(0)
		accepted, err := a.wait()
		end()
		a.upload.abort() // does nothing to what was accepted
		if s.lost != nil {
			continue
		}
		if err == nil {
			s.noteAppended(a.upload, accepted)
			s.ok(s.appendUID(accepted), "APPEND completed")
		}
		s.answer(ofDestination(err))
	}
	s.tag, s.name, s.done, s.limit, s.answered, s.numbers = tag, name, done, limit, answered, numbers
}

// appendUID is the response code of that name (RFC 4315 §3): the UIDs in the
// order of the messages.
func (s *session) appendUID(accepted []store.Accepted) string {
	var uids []mail.UID
	for i := range accepted {
		uids = append(uids, accepted[i].Placed[0].UID)
	}
	b := strconv.AppendUint([]byte("APPENDUID "), uint64(s.uidValidity(accepted[0].Placed[0].UIDValidity)), 10)
	return string(appendInOrder(append(b, ' '), uids))
}

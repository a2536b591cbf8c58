package store

import (
	"context"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// Object identifiers (RFC 8474). What they are made of is given once in the
// life of the store and stays.

// ObjectID identifies the mailbox, also under another name. It is made of the
// UIDVALIDITY, which no two mailboxes ever have.
func (m *Mailbox) ObjectID() string { return "F" + strconv.FormatUint(uint64(m.UIDValidity), 10) }

// ObjectID identifies the message's octets: its copies have the same. It needs
// Content and Trace: two recipients' copies of a content differ in their trace.
func (m *Message) ObjectID() string {
	id := "M" + strconv.FormatInt(int64(m.Content), 16)
	if len(m.Trace) > 0 {
		id += fmt.Sprintf("-%08x", crc32.Checksum(m.Trace, castagnoli))
	}
	return id
}

// ThreadID is the same for messages that belong together, in every mailbox and
// account (RFC 8474 §5.2). It is made of the Message-ID with which their thread
// began, as each of them names it, so that it needs no look at the others and
// can never change; of one that has no Message-ID it is made of the content. It
// needs Content, Envelope and Header.
func (m *Message) ThreadID() string {
	return threadID(message.ThreadOf(m.Envelope, m.Header), m.Content)
}

func threadID(began message.MessageID, content ContentID) string {
	if began == 0 {
		return "Tm" + strconv.FormatInt(int64(content), 16)
	}
	return fmt.Sprintf("T%016x", uint64(began))
}

// threadID is Message.ThreadID; ids must have been read.
func (m *sortable) threadID() string {
	id, rest := nextID(m.ids)
	if first, _ := nextID(rest); first != 0 {
		id = first
	}
	return threadID(id, m.content)
}

// resolveThreads puts, in place of each HasThreadID in a query, the set of those
// that it matches, which costs one look at all messages' keys.
func (s *Store) resolveThreads(ctx context.Context, mb MailboxID, q Query) (Query, error) {
	sets := make(map[string]mail.UIDSet)
	mapThreads(q, func(q HasThreadID) Query {
		sets[q.ID] = nil
		return q
	})
	if len(sets) == 0 {
		return q, nil
	}
	hits, err := s.searchBrief(ctx, mb, compile(And{}), nil)
	if err != nil {
		return nil, err
	}
	list, err := s.sortables(ctx, mb, hits, keyColumns{ids: true}, nil)
	if err != nil {
		return nil, err
	}
	for i := range list {
		id := list[i].threadID()
		if set, ok := sets[id]; ok {
			set.Add(list[i].hit.UID)
			sets[id] = set
		}
	}
	return mapThreads(q, func(q HasThreadID) Query { return InSet{sets[q.ID]} }), nil
}

// mapThreads is a query with each HasThreadID as fn has it.
func mapThreads(q Query, fn func(HasThreadID) Query) Query {
	list := func(qs []Query) []Query {
		out := make([]Query, len(qs))
		for i := range qs {
			out[i] = mapThreads(qs[i], fn)
		}
		return out
	}
	switch q := q.(type) {
	case HasThreadID:
		return fn(q)
	case And:
		return And(list(q))
	case Or:
		return Or(list(q))
	case Not:
		return Not{mapThreads(q.Q, fn)}
	}
	return q
}

// matches compares the content's number first, which costs nothing.
func (q HasObjectID) matches(content ContentID, m *Message) bool {
	return m.Content == content && m.ObjectID() == q.ID
}

// content is the number that an id begins with; 0, which no content has, when
// it is none of ours.
func (q HasObjectID) content() ContentID {
	id, ok := strings.CutPrefix(q.ID, "M")
	id, _, _ = strings.Cut(id, "-")
	n, err := strconv.ParseInt(id, 16, 64)
	if !ok || err != nil {
		return 0
	}
	return ContentID(n)
}

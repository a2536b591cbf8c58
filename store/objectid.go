package store

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
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

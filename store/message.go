package store

import (
	"context"
	"io"
	"iter"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// Message is a message's row in a mailbox.
type Message struct {
	UID     mail.UID
	Content ContentID
	ModSeq  mail.ModSeq
	Flags   mail.Flags
	// Date is the INTERNALDATE, Saved when the copy came into this mailbox
	// (RFC 8514).
	Date, Saved time.Time
	// Size is RFC822.SIZE: trace and content together.
	Size int64
	// Trace is put before the content's octets (see Copy.Trace).
	Trace []byte
	// Envelope is as message.Parsed has it; only with WantEnvelope.
	Envelope []byte
	// Structure is the extended BODYSTRUCTURE rendered; only with WantStructure.
	Structure []byte
	// Header is the content's header block without Trace; only with WantHeader.
	Header []byte
}

// Want says which costlier columns a listing reads.
type Want uint8

const (
	WantEnvelope Want = 1 << iota
	WantStructure
	WantHeader
)

// Messages yields the messages of a mailbox whose UIDs are in set, ascending.
// It reads a few hundred rows per transaction and holds none while it yields;
// the *Message is valid until the next one. It stops at the first error.
func (s *Store) Messages(ctx context.Context, mb MailboxID, set mail.UIDSet, want Want) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) { yield(nil, errNotBuilt) }
}

// UIDList lists the UIDs of a mailbox in order, with the moment it is true of.
func (s *Store) UIDList(ctx context.Context, mb MailboxID) ([]mail.UID, mail.ModSeq, error) {
	return nil, 0, errNotBuilt
}

// Content gives access to a stored message's octets.
type Content struct{}

// Content opens a stored message. mail.ErrNotFound when it is gone.
func (s *Store) Content(ctx context.Context, id ContentID) (*Content, error) {
	return nil, errNotBuilt
}

// Size is the number of octets, HeaderSize those of the header.
func (c *Content) Size() int64       { return 0 }
func (c *Content) HeaderSize() int64 { return 0 }

// Header is the header block with its blank line, read without the body.
func (c *Content) Header() ([]byte, error) { return nil, errNotBuilt }

// Root is the part tree.
func (c *Content) Root() (*message.Part, error) { return nil, errNotBuilt }

// WriteRange copies octets off to off+n to w, chunk by chunk, holding no read
// transaction while it writes. When it copies the whole content it verifies
// the checksum before the last octets go out (mail.ErrCorrupt).
func (c *Content) WriteRange(w io.Writer, off, n int64) error { return errNotBuilt }

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (int, error) { return 0, errNotBuilt }

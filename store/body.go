package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

const (
	// chunkSize is how many octets of a content one chunk holds. Reading any
	// octet reads the chunk around it.
	chunkSize = 128 << 10
	// maxChunks is how many chunk keys a content has.
	maxChunks = 1 << 16
	// stageAt is how many octets of encoded chunks a Body keeps in memory
	// before it puts them on disk.
	stageAt = 1 << 20
	// maxHead is the most octets of a header block that are kept apart from
	// the chunks.
	maxHead = 256 << 10
)

// chunkKey is the key of a content's nth chunk.
func chunkKey(id ContentID, n int) int64 { return int64(id)<<16 | int64(n) }

// Body is a message on its way in. Write its octets, then hand it to Accept,
// or Abort it. Past a megabyte its chunks are staged on disk, so that no
// connection holds a large message in memory; what is aborted is swept.
//
// Parsing, hashing and compressing happen in the writer's goroutine as the
// octets come.
type Body struct {
	s   *Store
	ctx context.Context
	id  ContentID
	err error // of the first Write that failed

	parser *message.Parser
	hash   hash.Hash
	size   int64

	// buf holds the octets of the head until its end is found, then those of
	// the chunk that fills.
	buf    *bytes.Buffer
	inBody bool

	// encoded are the chunks that are in memory: those from number staged on.
	encoded []chunk
	weight  int
	staged  int
	held    int // octets, counted in Store.held

	parsed *message.Parsed
	row    contentRow
	taken  bool // accepted or aborted
}

// SetMaxMessage sets how many octets a message may have, from its next octet on.
func (s *Store) SetMaxMessage(octets int64) { s.maxMessage.Store(octets) }

// NewBody begins a message of at most Config.MaxMessage octets. ctx bounds
// what staging waits for.
func (s *Store) NewBody(ctx context.Context) *Body {
	return &Body{
		s: s, ctx: ctx,
		id:     ContentID(s.lastContent.Add(1)),
		parser: message.NewParser(),
		hash:   sha256.New(),
		buf:    s.buffers.Get().(*bytes.Buffer),
	}
}

// Write adds octets. mail.ErrTooLarge past the limit, mail.ErrNoSpace,
// mail.ErrUnavailable; after an error the body can only be aborted.
func (b *Body) Write(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.parsed != nil || b.taken:
		return 0, errors.New("store: write to a body that has ended")
	case b.size+int64(len(p)) > b.s.maxMessage.Load():
		b.err = mail.ErrTooLarge
		return 0, b.err
	}
	b.size += int64(len(p))
	b.parser.Write(p)
	b.hash.Write(p)
	if b.err = b.add(p); b.err == nil {
		b.err = b.weigh()
	}
	return len(p), b.err
}

// add puts octets into the head or the chunks.
func (b *Body) add(p []byte) error {
	if !b.inBody {
		from := b.buf.Len()
		b.buf.Write(p)
		end := headerEnd(b.buf.Bytes(), from)
		if end < 0 && b.buf.Len() < maxHead {
			return nil
		}
		b.endHead(end)
		for b.buf.Len() >= chunkSize {
			if err := b.seal(b.buf.Next(chunkSize)); err != nil {
				return err
			}
		}
		return nil
	}
	for len(p) > 0 {
		n := min(len(p), chunkSize-b.buf.Len())
		b.buf.Write(p[:n])
		p = p[n:]
		if b.buf.Len() == chunkSize {
			if err := b.seal(b.buf.Next(chunkSize)); err != nil {
				return err
			}
		}
	}
	return nil
}

// endHead ends the head after end octets, or at its bound where the header
// has no end, and leaves what follows it in the buffer.
func (b *Body) endHead(end int) {
	if end < 0 || end > maxHead {
		end = min(maxHead, b.buf.Len())
	}
	b.row.head = end
	b.row.header = b.s.blobs.encodeQuick(b.buf.Next(end))
	b.inBody = true
}

// headerEnd finds the end of the header block, with its blank line: the first
// line end that follows a line end. Only octets from from on are new.
func headerEnd(b []byte, from int) int {
	for i := max(0, from-2); i < len(b); i++ {
		next := bytes.IndexByte(b[i:], '\n')
		if next < 0 {
			return -1
		}
		i += next
		if i == 0 || b[i-1] == '\n' || b[i-1] == '\r' && (i == 1 || b[i-2] == '\n') {
			return i + 1
		}
	}
	return -1
}

// seal makes a chunk of data, and stages chunks when they are many.
func (b *Body) seal(data []byte) error {
	if b.staged+len(b.encoded) == maxChunks {
		return mail.ErrTooLarge
	}
	c := b.s.blobs.encode(data)
	b.encoded = append(b.encoded, c)
	b.weight += c.held()
	if b.weight < stageAt && b.s.held.Load() < heldStage {
		return nil
	}
	return b.stage()
}

// stage puts the chunks on disk, under the id of a content that is noted as
// garbage until it is accepted.
func (b *Body) stage() error {
	err := b.s.write(b.ctx, b.weight, func(tx *writeTx) error {
		if b.staged == 0 {
			if _, err := tx.exec("INSERT INTO garbage VALUES (?, 1)", b.id); err != nil {
				return err
			}
		}
		err := tx.insertChunks(b.id, b.staged, b.encoded)
		fault("stage: in the transaction")
		return err
	})
	if err == nil {
		fault("stage: committed")
		b.staged += len(b.encoded)
		b.s.blobs.recycle(b.encoded)
		b.encoded, b.weight = b.encoded[:0], 0
	}
	return err
}

func (tx *writeTx) insertChunks(id ContentID, from int, chunks []chunk) error {
	for i, c := range chunks {
		var attached any
		if c.attached != nil {
			attached = c.attached
		}
		if _, err := tx.exec("INSERT INTO chunks (key, data, attached) VALUES (?, ?, ?)", chunkKey(id, from+i), c.data, attached); err != nil {
			return err
		}
	}
	return nil
}

// Finish ends the message and returns what the parser found. It may be called
// once, before Accept, or left to Accept.
func (b *Body) Finish() (*message.Parsed, error) {
	if b.err != nil || b.parsed != nil {
		return b.parsed, b.err
	}
	if !b.inBody {
		b.endHead(-1)
	}
	if b.buf.Len() > 0 {
		if b.err = b.seal(b.buf.Bytes()); b.err != nil {
			return nil, b.err
		}
	}
	b.release()
	b.parsed = b.parser.Finish()
	b.parser = nil
	b.makeRow()
	return b.parsed, nil
}

// Park ends a message that has to wait for others before it is accepted, and
// returns how many octets of it stay in memory. Where they would be more than
// keep, or all messages on their way in hold much, its chunks are put on disk.
// Errors as those of Write.
func (b *Body) Park(keep int) (held int, err error) {
	if _, err := b.Finish(); err != nil {
		return 0, err
	}
	if len(b.encoded) > 0 && (b.rowWeight() > keep || b.s.held.Load() > heldStage) {
		if b.err = b.stage(); b.err != nil {
			return 0, b.err
		}
	}
	b.held = b.rowWeight()
	if b.s.held.Add(int64(b.held)) > heldFull {
		b.err = mail.ErrUnavailable
	}
	return b.held, b.err
}

// release gives the buffer back.
func (b *Body) release() {
	b.unweigh()
	if b.buf != nil {
		if b.buf.Reset(); b.buf.Cap() <= 2*chunkSize { // a large header's is too large for most
			b.s.buffers.Put(b.buf)
		}
		b.buf = nil
	}
}

// Abort gives the message up. After Accept it does nothing.
func (b *Body) Abort() {
	if b.taken {
		return
	}
	b.taken = true
	b.release()
	b.dropChunks()
	if b.staged > 0 {
		b.s.sweeper.abort(b.id)
	}
}

// dropChunks gives the chunks' memory back.
func (b *Body) dropChunks() {
	b.s.blobs.recycle(b.encoded)
	b.encoded = nil
}

// contentRow is a content as the tables have it.
type contentRow struct {
	size, headerSize int64
	head             int
	traits           traits
	sum              []byte
	sent             any // zonedTime, or nil

	header, parts, envelope []byte
}

// makeRow does all the work on the row that needs no transaction.
func (b *Body) makeRow() {
	p, r := b.parsed, &b.row
	r.size = b.size
	r.headerSize = p.HeaderSize
	r.traits = traitsOf(p)
	r.sum = b.hash.Sum(nil)
	r.parts = p.Root.AppendBinary(make([]byte, 0, 256))
	r.envelope = p.Envelope
	if !p.Date.IsZero() {
		r.sent = zonedTime(p.Date)
	}
}

// rowWeight is about how many octets accepting the body writes.
func (b *Body) rowWeight() int {
	r := &b.row
	return b.weight + len(r.header) + len(r.parts) + len(r.envelope)
}

// insertContent makes the body a content with refs references.
func (tx *writeTx) insertContent(b *Body, refs int) error {
	if b.staged > 0 {
		n, err := tx.exec("DELETE FROM garbage WHERE content = ? AND staged = 1", b.id)
		if err == nil && n != 1 {
			err = fmt.Errorf("store: the staged body %d is gone", b.id)
		}
		if err != nil {
			return err
		}
	}
	r := &b.row
	_, err := tx.exec("INSERT INTO contents (id, refs, size, header_size, head, chunk, traits, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		b.id, refs, r.size, r.headerSize, r.head, chunkSize, int64(r.traits), r.sum)
	if err != nil {
		return err
	}
	_, err = tx.exec("INSERT INTO meta (content, header, parts) VALUES (?, ?, ?)", b.id, r.header, r.parts)
	if err != nil {
		return err
	}
	return tx.insertChunks(b.id, b.staged, b.encoded)
}

// traits are what a message asks of a next hop. The values are stored, so that
// a message that is sent on later need not be read for them; nothing does so
// yet (a queue entry has its own, in Outbound).
type traits uint8

const (
	// eightBit: there are octets above 127 (8BITMIME, RFC 6152).
	eightBit traits = 1 << iota
	// binaryOctets: there are NULs, bare CRs or LFs, or lines over 998 octets
	// (BINARYMIME, RFC 3030).
	binaryOctets
	// headerUTF8: there are octets above 127 in a header (SMTPUTF8, RFC 6531).
	headerUTF8
)

func traitsOf(p *message.Parsed) traits {
	var t traits
	if p.EightBit {
		t |= eightBit
	}
	if p.Binary {
		t |= binaryOctets
	}
	if p.HeaderUTF8 {
		t |= headerUTF8
	}
	return t
}

package store

import (
	"bytes"
	"context"
	"database/sql"

	"posthorn/internal/mail"
)

// Batch is messages of a mailbox that were opened together, for who reads them
// one after the other: that costs less than to open each by itself. It holds
// what is stored of their beginnings. One goroutine uses it at a time.
type Batch struct {
	s    *Store
	room *pieceRoom // its blob has the octets of all
	list []opened
}

// opened is a message of a batch.
type opened struct {
	uid     mail.UID
	trace   []byte
	content Content
	// blobs are the lengths of what the batch has of it, one after the other:
	// the blobs of the head and of chunk 0.
	blobs [3]int
}

// OpenBatch opens messages of a mailbox, from the UID first to the UID last, as
// WholeContent opens one: at most n. ctx bounds all that is done with their
// Contents.
func (s *Store) OpenBatch(ctx context.Context, mb MailboxID, first, last mail.UID, n int) (*Batch, error) {
	b := &Batch{s: s, room: s.pieces.Get().(*pieceRoom), list: make([]opened, 0, n)}
	err := s.readOne(ctx, func(tx *readTx) error { return b.read(tx, mb, first, last, n) })
	if err != nil {
		b.Close()
		return nil, err
	}
	octets := b.room.blob
	for i := range b.list {
		c := &b.list[i].content
		c.s, c.ctx, c.piece = s, ctx, noPiece
		octets = b.list[i].settle(octets)
	}
	if len(b.list) == 1 { // it may be large, and then goes on in the same room
		b.list[0].content.pieceRoom, b.room = b.room, nil
	}
	return b, nil
}

func (b *Batch) read(tx *readTx, mb MailboxID, first, last mail.UID, n int) error {
	rows, err := tx.query("SELECT m.uid, m.content, m.trace, "+wholeColumns+
		" FROM messages AS m CROSS JOIN contents AS c ON c.id = m.content"+withBeginning+
		" WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid LIMIT ?", mb, int64(first), int64(last), n)
	if err != nil {
		return err
	}
	defer rows.Close()
	b.room.blob = b.room.blob[:0]
	var w wholeScanner
	var uid, content any
	var trace sql.RawBytes
	dest := w.dest(&uid, &content, &trace)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		number, _ := uid.(int64)
		id, _ := content.(int64)
		b.list = append(b.list, opened{uid: mail.UID(number), trace: bytes.Clone(trace)})
		o := &b.list[len(b.list)-1]
		o.content.id = ContentID(id)
		o.content.row = w.row()
		for i, blob := range [...][]byte{w.head, w.data, w.attached} {
			o.blobs[i] = len(blob)
			b.room.blob = append(b.room.blob, blob...)
		}
	}
	return rows.Err()
}

// settle takes the message's blobs from the beginning of a batch's, and returns
// the rest.
func (o *opened) settle(octets []byte) (rest []byte) {
	head, first := o.blobs[0], o.blobs[1]+o.blobs[2]
	o.content.head = octets[:head]
	o.content.first = splitChunk(octets[head:][:first], o.blobs[1])
	return octets[head+first:]
}

// Message returns a message of the batch: what stands before its octets in the
// mailbox, and its octets. nil when it is gone. Both are valid until the batch is
// closed. A nil Batch has none.
func (b *Batch) Message(uid mail.UID) (trace []byte, c *Content) {
	if b == nil {
		return nil, nil
	}
	for i := range b.list {
		if o := &b.list[i]; o.uid == uid {
			return o.trace, &o.content
		}
	}
	return nil, nil
}

// Close gives buffers back for others to use. A nil Batch has none.
func (b *Batch) Close() {
	if b == nil {
		return
	}
	for i := range b.list {
		b.list[i].content.Close()
	}
	b.s.giveRoom(b.room)
	b.list, b.room = nil, nil
}

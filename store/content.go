package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"fmt"
	"io"
	"sync"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// Content gives access to a stored message's octets, those of its header and
// body without any copy's trace. It holds no transaction: when the message is
// expunged meanwhile, its methods return mail.ErrNotFound.
type Content struct {
	s   *Store
	ctx context.Context
	id  ContentID
	row wholeRow

	// mu guards the piece that was decoded last, and its buffers.
	mu    sync.Mutex
	piece int // its number; the head is headPiece
	*pieceRoom
	// runs are those of base64 in the piece where data is only what stands
	// outside them.
	runs []base64Run
	// head and first are the blobs of the head and of chunk 0 when they were
	// read before they are asked for.
	head  []byte
	first chunk
}

// wholeRow is a content's row.
type wholeRow struct {
	size, headerSize, head, chunk int64
	sum                           []byte
}

// pieceRoom is what pieces are read and decoded in.
type pieceRoom struct{ data, blob []byte }

// maxPieceRoom is how large a buffer may be to be used again: a chunk as it is
// stored, and as it was.
const maxPieceRoom = 2 * chunkSize

// headPiece stands for the head among the numbers of chunks, noPiece for none.
const (
	headPiece = -1
	noPiece   = -2
)

// Content opens a stored message. mail.ErrNotFound when it is gone. ctx bounds
// all that is done with the Content.
func (s *Store) Content(ctx context.Context, id ContentID) (*Content, error) {
	c := s.newContent(ctx, id)
	err := s.readOne(ctx, func(tx *readTx) error {
		return notFound(tx.row("SELECT size, header_size, head, chunk, sha256 FROM contents WHERE id = ?", id).
			Scan(&c.row.size, &c.row.headerSize, &c.row.head, &c.row.chunk, &c.row.sum), mail.ErrNotFound)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// WholeContent is Content for a message that is about to be read from its
// beginning: the beginning, which is all of most messages, comes with the row.
func (s *Store) WholeContent(ctx context.Context, id ContentID) (*Content, error) {
	c := s.newContent(ctx, id)
	err := s.readOne(ctx, func(tx *readTx) error {
		return notFound(c.readWhole(tx), mail.ErrNotFound)
	})
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (s *Store) newContent(ctx context.Context, id ContentID) *Content {
	return &Content{s: s, ctx: ctx, id: id, piece: noPiece}
}

func (c *Content) readWhole(tx *readTx) error {
	rows, err := tx.query("SELECT "+wholeColumns+" FROM contents AS c"+withBeginning+" WHERE c.id = ?", c.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	var w wholeScanner
	err = rows.Scan(w.dest()...)
	c.row = w.row()
	c.keep(w.head, w.data, w.attached)
	return err
}

// What a content is read whole from: its row, and its beginning.
const (
	wholeColumns  = "c.size, c.header_size, c.head, c.chunk, c.sha256, t.header, k.data, k.attached"
	withBeginning = " LEFT JOIN meta AS t ON t.content = c.id LEFT JOIN chunks AS k ON k.key = c.id << 16"
)

// wholeScanner scans wholeColumns, numbers as rowScanner does.
type wholeScanner struct {
	numbers                   [4]any
	sum, head, data, attached sql.RawBytes
}

// dest is where to scan the columns to, behind those of before.
func (w *wholeScanner) dest(before ...any) []any {
	n := &w.numbers
	return append(before, &n[0], &n[1], &n[2], &n[3], &w.sum, &w.head, &w.data, &w.attached)
}

// row is the content's row.
func (w *wholeScanner) row() wholeRow {
	row := wholeRow{sum: bytes.Clone(w.sum)}
	for i, to := range []*int64{&row.size, &row.headerSize, &row.head, &row.chunk} {
		*to, _ = w.numbers[i].(int64)
	}
	return row
}

// keep keeps the blobs of the head and of chunk 0 until they are asked for.
func (c *Content) keep(head, data, attached []byte) {
	c.takeRoom()
	c.blob = append(append(append(c.blob[:0], head...), data...), attached...)
	c.head = c.blob[:len(head)]
	c.first = splitChunk(c.blob[len(head):], len(data))
}

// splitChunk is a chunk whose blobs stand one after the other, the first n octets
// long.
func splitChunk(blob []byte, n int) chunk { return chunk{blob[:n], blob[n:]} }

func (c *Content) takeRoom() {
	if c.pieceRoom == nil {
		c.pieceRoom = c.s.pieces.Get().(*pieceRoom)
	}
}

// Close gives buffers back for others to use. It need not be called, and the
// Content can be used again after it.
func (c *Content) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.giveRoom(c.pieceRoom)
	c.pieceRoom = nil
	c.forget()
}

// giveRoom lets others use r, which may be nil, unless it has grown too large.
func (s *Store) giveRoom(r *pieceRoom) {
	if r != nil && cap(r.data) <= maxPieceRoom && cap(r.blob) <= maxPieceRoom {
		s.pieces.Put(r)
	}
}

// forget forgets what was read.
func (c *Content) forget() {
	c.piece, c.runs, c.head, c.first = noPiece, nil, nil, chunk{}
}

// Size is the number of octets, HeaderSize those of the header.
func (c *Content) Size() int64       { return c.row.size }
func (c *Content) HeaderSize() int64 { return c.row.headerSize }

// Header is the header block with its blank line, read without the body.
func (c *Content) Header() ([]byte, error) {
	h := make([]byte, c.row.headerSize)
	_, err := c.ReadAt(h, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return h, nil
}

// Root is the part tree.
func (c *Content) Root() (*message.Part, error) {
	var parts []byte
	err := c.s.readOne(c.ctx, func(tx *readTx) error {
		return notFound(tx.row("SELECT parts FROM meta WHERE content = ?", c.id).Scan(&parts), mail.ErrNotFound)
	})
	if err != nil {
		return nil, err
	}
	p, err := message.ReadPart(parts)
	if err != nil {
		return nil, fmt.Errorf("part tree of content %d: %w: %w", c.id, mail.ErrCorrupt, err)
	}
	return p, nil
}

// WriteRange copies octets off to off+n to w, chunk by chunk, holding no read
// transaction while it writes. When it copies the whole content it verifies
// the checksum before the last octets go out (mail.ErrCorrupt).
func (c *Content) WriteRange(w io.Writer, off, n int64) error {
	if off < 0 || n < 0 || off > c.row.size-n {
		return fmt.Errorf("octets %d+%d of %d: %w", off, n, c.row.size, mail.ErrInvalid)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.New()
	whole := n == c.row.size
	if off < c.row.head && off+n > c.row.head {
		if err := c.loadBeginning(); err != nil {
			return err
		}
	}
	for n > 0 {
		data, err := c.at(off, n)
		if err != nil {
			return err
		}
		data = data[:min(int64(len(data)), n)]
		off += int64(len(data))
		n -= int64(len(data))
		if whole {
			sum.Write(data)
			if n == 0 && subtle.ConstantTimeCompare(sum.Sum(nil), c.row.sum) != 1 {
				return fmt.Errorf("content %d does not have its checksum: %w", c.id, mail.ErrCorrupt)
			}
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := 0
	for done < len(p) {
		if off >= c.row.size {
			return done, io.EOF
		}
		data, err := c.at(off, int64(len(p)-done))
		if err != nil {
			return done, err
		}
		n := copy(p[done:], data)
		done += n
		off += int64(n)
	}
	return done, nil
}

// at returns octets from off on, as far as they stand together in the piece that
// holds it. n is how many are wanted: where they are not all the rest of the
// piece, what is attached is only read when it is asked for.
func (c *Content) at(off, n int64) ([]byte, error) {
	piece, start := headPiece, int64(0)
	if off >= c.row.head {
		n := (off - c.row.head) / c.row.chunk
		piece, start = int(n), c.row.head+n*c.row.chunk
	}
	off -= start
	if err := c.load(piece, off+n >= c.length(piece)); err != nil {
		return nil, err
	}
	if c.runs != nil {
		if data := outsideAt(c.runs, c.data, off); data != nil {
			return data, nil
		}
		if err := c.load(piece, true); err != nil {
			return nil, err
		}
	}
	return c.data[off:], nil
}

// outsideAt returns the octets from off to the next run; nil where off is inside
// one.
func outsideAt(runs []base64Run, outside []byte, off int64) []byte {
	for _, r := range runs {
		switch {
		case off < int64(r.before):
			return outside[off:r.before]
		case off < int64(r.before+r.encodedLen()):
			return nil
		}
		off -= int64(r.before + r.encodedLen())
		outside = outside[r.before:]
	}
	return outside[off:]
}

// load decodes a piece, unless it is the one that is decoded already; whole: with
// what is attached.
func (c *Content) load(piece int, whole bool) error {
	if piece == c.piece && (c.runs == nil || !whole) {
		return nil
	}
	c.takeRoom()
	var k chunk
	switch piece {
	case headPiece:
		k.data, c.head = c.head, nil
	case 0:
		k, c.first = c.first, chunk{}
	}
	if len(k.data) == 0 || whole && isSplit(k.data) && len(k.attached) == 0 {
		c.forget()
		err := c.s.readOne(c.ctx, func(tx *readTx) (err error) {
			var n int
			c.blob, n, err = tx.piece(c.blob[:0], c.id, piece, whole)
			k = splitChunk(c.blob, n)
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.decode(piece, k)
}

// loadBeginning reads the blobs of the head and of chunk 0 together: most
// messages have no more. Where one of them is missing, load finds out why.
func (c *Content) loadBeginning() error {
	if c.piece == headPiece || len(c.head) > 0 {
		return nil
	}
	return c.s.readOne(c.ctx, func(tx *readTx) error {
		rows, err := tx.query("SELECT t.header, k.data, k.attached FROM meta AS t, chunks AS k WHERE t.content = ? AND k.key = ?", c.id, chunkKey(c.id, 0))
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			return rows.Err()
		}
		var head, data, attached sql.RawBytes
		err = rows.Scan(&head, &data, &attached)
		c.keep(head, data, attached)
		return err
	})
}

// decode makes a piece of its blobs the one that is decoded.
func (c *Content) decode(piece int, k chunk) (err error) {
	c.piece = noPiece
	c.data, c.runs, err = c.s.blobs.decodeChunk(c.data[:0], k)
	if err != nil {
		return fmt.Errorf("content %d, piece %d: %w", c.id, piece, err)
	}
	has := int64(len(c.data))
	for _, r := range c.runs {
		has += int64(r.encodedLen())
	}
	if want := c.length(piece); has != want {
		return fmt.Errorf("content %d, piece %d has %d octets, not %d: %w", c.id, piece, has, want, mail.ErrCorrupt)
	}
	c.piece = piece
	return nil
}

// length is how many octets a piece has.
func (c *Content) length(piece int) int64 {
	if piece == headPiece {
		return c.row.head
	}
	return min(c.row.chunk, c.row.size-c.row.head-int64(piece)*c.row.chunk)
}

// piece appends a piece's blobs to buf; the first is n octets long. whole: with
// what is attached. mail.ErrNotFound when the content is gone, mail.ErrCorrupt
// when only the piece is.
func (tx *readTx) piece(buf []byte, id ContentID, number int, whole bool) (_ []byte, n int, err error) {
	query, key := "SELECT data, NULL FROM chunks WHERE key = ?", chunkKey(id, number)
	switch {
	case number == headPiece:
		query, key = "SELECT header, NULL FROM meta WHERE content = ?", int64(id)
	case whole:
		query = "SELECT data, attached FROM chunks WHERE key = ?"
	}
	rows, err := tx.query(query, key)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	if rows.Next() {
		var data, attached sql.RawBytes
		if err := rows.Scan(&data, &attached); err != nil {
			return nil, 0, err
		}
		return append(append(buf, data...), attached...), len(data), nil
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	var there bool
	if err := tx.row("SELECT EXISTS (SELECT 1 FROM contents WHERE id = ?)", id).Scan(&there); err != nil {
		return nil, 0, err
	}
	if !there {
		return nil, 0, mail.ErrNotFound
	}
	return nil, 0, fmt.Errorf("piece %d of content %d is missing: %w", number, id, mail.ErrCorrupt)
}

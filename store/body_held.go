package store

import "posthorn/internal/mail"

// What is held in memory of all messages on their way in, in octets. Each alone
// is bounded by a megabyte of chunks and by what the parser keeps of headers; but
// anybody may begin one, and thousands may stall at the same time.
const (
	// heldStage: from here on chunks are put on disk as they fill.
	heldStage = 32 << 20
	// heldFull: a message is refused for now when more than smallBody came of it.
	heldFull  = 64 << 20
	smallBody = 96 << 10
)

// weigh counts what the body holds. mail.ErrUnavailable when all bodies together
// hold too much.
func (b *Body) weigh() error {
	held := b.buf.Cap() + b.weight + b.parser.Held()
	more := held - b.held
	b.held = held
	if b.s.held.Add(int64(more)) > heldFull && b.size > smallBody {
		return mail.ErrUnavailable
	}
	return nil
}

func (b *Body) unweigh() {
	b.s.held.Add(int64(-b.held))
	b.held = 0
}

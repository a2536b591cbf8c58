package store

import "posthorn/internal/mail"

// What is held in memory of all messages on their way in, in octets. Each alone
// is bounded by a megabyte of chunks and as much of each text for SEARCH; but
// anybody may begin one, and thousands may stall at the same time.
const (
	// heldStage: from here on chunks are put on disk as they fill.
	heldStage = 32 << 20
	// heldShed: texts for SEARCH beyond shedTo are not kept, as if the message
	// had more than is ever kept.
	heldShed = 48 << 20
	shedTo   = 16 << 10
	// heldFull: a message is refused for now when more than smallBody came of it.
	heldFull  = 64 << 20
	smallBody = 96 << 10
)

// weigh counts what the body holds, and has it hold less when all bodies
// together hold too much. mail.ErrUnavailable when that isn't enough.
func (b *Body) weigh() error {
	total := b.count()
	if total > heldShed && b.size > smallBody && !b.shed {
		b.shed = true
		b.parser.Shed(shedTo)
		total = b.count()
	}
	if total > heldFull && b.size > smallBody {
		return mail.ErrUnavailable
	}
	return nil
}

// count brings Store.held up to date, and returns it.
func (b *Body) count() int64 {
	held := b.buf.Cap() + b.weight + b.parser.Held()
	more := held - b.held
	b.held = held
	return b.s.held.Add(int64(more))
}

func (b *Body) unweigh() {
	b.s.held.Add(int64(-b.held))
	b.held = 0
}

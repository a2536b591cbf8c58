package store

import (
	"errors"
	"sync/atomic"
	"time"

	"posthorn/internal/mail"
)

// fullFor is how long the disk counts as full after something was refused for
// want of room: on a quiet server nothing else may come for hours that would show
// that there is room again.
const fullFor = time.Minute

// fullness knows whether the disk has room. Only the writer notes.
type fullness struct {
	refused  atomic.Int64 // when something last found none, in Unix nanoseconds; 0: it was not the last
	reported time.Time    // when that was last told
}

// Full reports whether what came last found no room on the disk, within the last
// minute. Any goroutine may ask.
func (s *Store) Full() bool {
	refused := s.fullness.refused.Load()
	return refused != 0 && s.now().Sub(time.Unix(0, refused)) < fullFor
}

// noteFullness takes note of an operation's outcome. A large one may find no room
// where small ones do: what is told is bounded.
func (s *Store) noteFullness(o *operation) {
	f := &s.fullness
	switch {
	case errors.Is(o.err, mail.ErrNoSpace):
		now := s.now()
		if f.refused.Swap(now.UnixNano()) == 0 && now.Sub(f.reported) >= fullFor {
			f.reported = now
			s.report("the disk is full: mail is refused until there is room", "error", o.err)
		}
	case o.err == nil && o.wrote && f.refused.Load() != 0:
		f.refused.Store(0)
	}
}

package auth

import (
	"container/list"
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxHashing passwords are hashed at once: each takes 19 MiB and a core.
	maxHashing = 2
	// maxStrangers are as many of them as may be strangers': a flood of them
	// leaves a core to everybody else.
	maxStrangers = maxHashing - 1
	// maxWaiting strangers wait for their turn, at 20 to 48 ms each; more are turned away.
	maxWaiting = 100
	// tidyAfter is when the memory that hashing took goes back to the system.
	// The collector alone would let it grow to five times that, and keep it.
	tidyAfter = time.Second
)

// slots bound how many passwords are hashed at once. Those who logged in from
// the same address before go first, so that a flood of strangers does not keep
// them out.
type slots struct {
	mu        sync.Mutex
	free      int
	strangers int       // slots that strangers have
	known     list.List // who waits, of chan struct{}
	unknown   list.List
	hashed    atomic.Int64 // slots given so far
	untidy    bool         // tidy is going to run
}

func newSlots() *slots { return &slots{free: maxHashing} }

// acquire waits for a slot. ErrThrottled when too many wait; the context's
// error. release, told the same, gives it back.
func (s *slots) acquire(ctx context.Context, known bool) (err error) {
	defer func() {
		if err == nil {
			s.hashed.Add(1)
		}
	}()
	queue := &s.unknown
	if known {
		queue = &s.known
	}
	s.mu.Lock()
	if queue.Len() >= maxWaiting {
		s.mu.Unlock()
		return ErrThrottled
	}
	turn := make(chan struct{})
	place := queue.PushBack(turn)
	s.giveLocked()
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	select {
	case <-turn: // given just now
		s.mu.Unlock()
		s.release(known)
	default:
		queue.Remove(place)
		s.mu.Unlock()
	}
	return ctx.Err()
}

// giveLocked gives slots to who waits, the known first.
func (s *slots) giveLocked() {
	for s.free > 0 {
		first, queue := s.known.Front(), &s.known
		if first == nil && s.strangers < maxStrangers {
			if first, queue = s.unknown.Front(), &s.unknown; first != nil {
				s.strangers++
			}
		}
		if first == nil {
			return
		}
		s.free--
		queue.Remove(first)
		close(first.Value.(chan struct{}))
	}
}

// release gives a slot back.
func (s *slots) release(known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if !known {
		s.strangers--
	}
	s.giveLocked()
	if s.free == maxHashing && !s.untidy {
		s.untidy = true
		time.AfterFunc(tidyAfter, s.tidy)
	}
}

// tidy gives memory back, unless passwords are being hashed: then the last of
// them does.
func (s *slots) tidy() {
	s.mu.Lock()
	s.untidy = false
	idle := s.free == maxHashing
	s.mu.Unlock()
	if idle {
		debug.FreeOSMemory()
	}
}

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
	// maxWaiting strangers wait for their turn, at 20 to 48 ms each and two at
	// once; more are turned away.
	maxWaiting = 100
	// tidyAfter is when the memory that hashing took goes back to the system.
	// The collector alone would let it grow to five times that, and keep it.
	tidyAfter = time.Second
)

// slots bound how many passwords are hashed at once. Those who logged in from
// the same address before go first, so that a flood of strangers does not keep
// them out.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting [2]list.List // of chan struct{}: known ones, strangers
	hashed  atomic.Int64 // slots given so far
	untidy  bool         // tidy is going to run
}

func newSlots() *slots { return &slots{free: maxHashing} }

// acquire waits for a slot. ErrThrottled when too many wait; the context's
// error. release gives it back.
func (s *slots) acquire(ctx context.Context, known bool) (err error) {
	defer func() {
		if err == nil {
			s.hashed.Add(1)
		}
	}()
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	queue := &s.waiting[1]
	if known {
		queue = &s.waiting[0]
	}
	if queue.Len() >= maxWaiting {
		s.mu.Unlock()
		return ErrThrottled
	}
	turn := make(chan struct{})
	place := queue.PushBack(turn)
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
		s.release()
	default:
		queue.Remove(place)
		s.mu.Unlock()
	}
	return ctx.Err()
}

// release hands the slot on.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.waiting {
		if first := s.waiting[i].Front(); first != nil {
			s.waiting[i].Remove(first)
			close(first.Value.(chan struct{}))
			return
		}
	}
	s.free++
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

package auth

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		var order []string
		done := make(chan string)
		hash := func(who string, known bool) {
			if err := s.acquire(t.Context(), known); err != nil {
				t.Error(who, err)
			}
			time.Sleep(time.Second)
			done <- who
			s.release()
		}
		for _, who := range []string{"first", "second", "stranger1", "stranger2", "known1", "known2"} {
			go hash(who, who[0] == 'k')
			synctest.Wait()
		}
		start := time.Now()
		for range 6 {
			order = append(order, <-done)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("six hashes took %v", took)
		}
		for i, want := range []byte("fskkss") {
			if order[i][0] != want && !(i < 2) {
				t.Errorf("order %v", order)
				break
			}
		}
	})
}

func TestSlotsGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		for range maxHashing {
			wants(t, s.acquire(t.Context(), false), nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		for range maxWaiting {
			go func() { errs <- s.acquire(ctx, false) }()
		}
		synctest.Wait()
		wants(t, s.acquire(t.Context(), false), ErrThrottled)
		cancel()
		for range maxWaiting {
			wants(t, <-errs, context.Canceled)
		}
		s.release()
		wants(t, s.acquire(t.Context(), false), nil) // nothing was lost with those who left
	})
}

// TestSlotsCancelled gives a slot to one who leaves at the same moment.
func TestSlotsCancelled(t *testing.T) {
	for range 200 {
		s := newSlots()
		s.free = 0
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- s.acquire(ctx, false) }()
		go cancel()
		s.release()
		if err := <-result; err == nil {
			s.release()
		}
		if s.free != 1 {
			t.Fatalf("%d slots are free", s.free)
		}
	}
}

package auth

import (
	"context"
	"slices"
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
			s.release(known)
		}
		for _, who := range []string{"first", "second", "stranger1", "known1", "known2", "known3"} {
			go hash(who, who[0] == 'k')
			synctest.Wait()
		}
		start := time.Now()
		for range 6 {
			order = append(order, <-done)
			synctest.Wait()
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("six hashes took %v", took)
		}
		slices.Sort(order[:2]) // these two end together, and the next two
		slices.Sort(order[2:4])
		if want := []string{"first", "known1", "known2", "known3", "second", "stranger1"}; !slices.Equal(order, want) {
			t.Errorf("order %v", order)
		}
	})
}

func TestSlotsGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		for range maxStrangers {
			wants(t, s.acquire(t.Context(), false), nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		for range 100 {
			go func() { errs <- s.acquire(ctx, false) }()
		}
		synctest.Wait()
		wants(t, s.acquire(t.Context(), false), ErrThrottled)
		wants(t, s.acquire(t.Context(), true), nil) // a slot is left
		s.release(true)
		cancel()
		for range 100 {
			wants(t, <-errs, context.Canceled)
		}
		s.release(false)
		wants(t, s.acquire(t.Context(), false), nil) // nothing was lost with those who left
	})
}

// TestSlotsCancelled gives a slot to one who leaves at the same moment.
func TestSlotsCancelled(t *testing.T) {
	for range 200 {
		s := newSlots()
		wants(t, s.acquire(t.Context(), false), nil)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- s.acquire(ctx, false) }()
		go cancel()
		s.release(false)
		if err := <-result; err == nil {
			s.release(false)
		}
		if s.free != maxHashing || s.strangers != 0 {
			t.Fatalf("%d slots are free", s.free)
		}
	}
}

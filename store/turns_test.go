package store

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns: an account has maxTurns at once, and the next when one is given
// back; another account does not wait for it; who gives up waiting leaves
// nothing behind.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		ctx := context.Background()
		began := make(chan func(), maxTurns+1)
		for range maxTurns + 1 {
			go func() {
				end, err := turns.begin(ctx, 1)
				if err != nil {
					t.Error(err)
				}
				began <- end
			}()
		}
		synctest.Wait()
		if n := len(began); n != maxTurns {
			t.Errorf("%d have their turn, not %d", n, maxTurns)
		}
		other, err := turns.begin(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		other()
		impatient, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := turns.begin(impatient, 1); err != context.DeadlineExceeded {
			t.Errorf("who gave up: %v", err)
		}
		for range maxTurns + 1 {
			(<-began)()
		}
		if len(turns.accounts) > 0 {
			t.Errorf("%d accounts stay behind", len(turns.accounts))
		}
	})
}

// TestSlots: no more work at once than there are processors.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		most := runtime.GOMAXPROCS(0)
		working, done := make(chan bool, 3*most), make(chan bool)
		ctx, cancel := context.WithCancel(context.Background())
		for range cap(working) {
			go turns.work(ctx, func() error {
				working <- true
				<-done
				return nil
			})
		}
		synctest.Wait()
		if len(working) != most {
			t.Errorf("%d work, not %d", len(working), most)
		}
		done <- true
		synctest.Wait()
		if len(working) != most+1 {
			t.Errorf("after one was done %d have worked, not %d", len(working), most+1)
		}
		cancel()
		close(done)
		synctest.Wait()
		if len(working) != most+1 {
			t.Errorf("%d worked though nobody waited for it", len(working)-most-1)
		}
	})
}

// A panic in the goroutines that share work is the error of whoever asked for it,
// and not the end of the process; the others are not held up by it.
func TestPanicsAtWork(t *testing.T) {
	var mu sync.Mutex
	reported := 0
	s := openTestIn(t, Config{Dir: t.TempDir(), Report: func(string, ...any) {
		mu.Lock()
		defer mu.Unlock()
		reported++
	}})
	mb := inboxOf(t, s, addUser(t, s, "alice@crepes.fr")).ID
	deliver(t, s, someMessage, Copy{Account: 1})
	broken := &search{s: s, ctx: t.Context(), mailbox: mb, next: 1, progress: new(Progress),
		plan: &plan{within: everything, root: rowTest{1, func(*Message) bool { panic("oops") }}}}
	broken.work()
	_, err := s.makeKeys(t.Context(), mb, nil, []int{7}, keyColumns{})
	if !errors.Is(broken.err, errPanicked) || !errors.Is(err, errPanicked) || reported != 2 {
		t.Errorf("a search: %v; keys: %v; reported %d times", broken.err, err, reported)
	}
	if hits, err := s.Search(t.Context(), mb, HasText{In: InText, Value: "a"}); err != nil || len(s.turns.slots) > 0 {
		t.Errorf("the next search: %v %v; %d slots are taken", hits, err, len(s.turns.slots))
	}
}

package store

import (
	"context"
	"runtime"
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

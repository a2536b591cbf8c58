package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// quietTick is how often the server looks whether it is quiet.
	quietTick = 500 * time.Millisecond
	// quietAllocs is how many octets a quiet server allocates between two looks
	// at most.
	quietAllocs = 256 << 10
	// worthTidying is how many octets must have been allocated since memory was
	// last given back.
	worthTidying = 8 << 20
)

// giveMemoryBack lets go of what a burst of work has left behind once it is
// over: the collector would wait until as much again is allocated, which on a
// quiet server may be never. It returns when ctx ends.
func giveMemoryBack(ctx context.Context) {
	tick := time.NewTicker(quietTick)
	defer tick.Stop()
	var q quiet
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if q.look(allocated()) {
			debug.FreeOSMemory()
			q.tidied(allocated())
		}
	}
}

// quiet notices the end of bursts, by the octets allocated since the start.
type quiet struct{ last, clean uint64 }

// look reports whether a burst that was worth it has ended since it was last
// called.
func (q *quiet) look(now uint64) bool {
	still := now-q.last <= quietAllocs
	q.last = now
	return still && now-q.clean >= worthTidying
}

func (q *quiet) tidied(now uint64) { q.last, q.clean = now, now }

// allocated is how many octets the process has allocated on its heap so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

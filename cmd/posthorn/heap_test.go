package main

import (
	"runtime/debug"
	"testing"
)

// The proportion is one at which little is collected at leastHeap, and what is
// more as ever.
func TestHeapFloor(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct{ percent, live, goal, want int }{
		{100, 0, 4 * mib, 300}, // before the first collection
		{100, 2 * mib, 4 * mib, 500},
		{500, 2 * mib, leastHeap, 500},
		{100, 2 * mib, 5 * mib, 333}, // stacks count too
		{500, 6 * mib, 36 * mib, 100},
		{500, 30 * mib, 180 * mib, 100},
		{100, 2 * mib, 1 * mib, 100}, // a limit on memory
		{100, 2 * mib, 2*mib + 1, 100},
	} {
		h := &heapFloor{percent: tt.percent}
		if got := h.wanted(tt.live, tt.goal); max(got-tt.want, tt.want-got) > 1 {
			t.Errorf("at %d %%, %d in use, goal %d: %d %%, want %d", tt.percent, tt.live, tt.goal, got, tt.want)
		}
	}
}

// Who chooses another proportion keeps it.
func TestHeapFloorChosen(t *testing.T) {
	t.Setenv("GOGC", "70")
	was := debug.SetGCPercent(70)
	defer debug.SetGCPercent(was)
	keepHeap()
	if got := debug.SetGCPercent(70); got != 70 {
		t.Errorf("it is %d", got)
	}
}

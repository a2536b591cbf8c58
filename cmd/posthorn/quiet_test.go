package main

import "testing"

func TestQuiet(t *testing.T) {
	const mib = 1 << 20
	var q quiet
	for i, step := range []struct {
		allocated uint64
		tidy      bool
	}{
		{20 * mib, false},        // a burst
		{60 * mib, false},        // goes on
		{60*mib + 100<<10, true}, // and ends
		{60*mib + 200<<10, false},
		{64 * mib, false},
		{64 * mib, false}, // too little to be worth it
		{69 * mib, false},
		{69 * mib, true}, // together it is enough
		{69 * mib, false},
	} {
		tidy := q.look(step.allocated)
		if tidy != step.tidy {
			t.Errorf("%d: %t", i, tidy)
		}
		if tidy {
			q.tidied(step.allocated)
		}
	}
	if allocated() == 0 {
		t.Error("nothing is allocated")
	}
}

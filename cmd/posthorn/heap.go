package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// leastHeap is how large the heap may become, in octets, before it is collected,
// however little of it is in use. A busy server has some two megabytes in use.
// Collected whenever that has doubled, POP3 has a collection for every 150 messages
// that it sends, and the runtime gives back to the system in between what is needed
// again the next moment: together a tenth of the processor's time. Once more than
// half of this is in use, it changes nothing.
const leastHeap = 12 << 20

// usualPercent is by how much of what is in use the heap grows until it is
// collected, in Go.
const usualPercent = 100

// heapFloor holds the collector to leastHeap. Go knows a proportion only, which
// follows what is in use after each collection.
type heapFloor struct {
	percent int
	samples [2]metrics.Sample // live, goal
}

// keepHeap does so from now on, unless the environment says otherwise.
func keepHeap() {
	if _, chosen := os.LookupEnv("GOGC"); chosen {
		return
	}
	h := &heapFloor{percent: usualPercent}
	h.samples[0].Name = "/gc/heap/live:bytes"
	h.samples[1].Name = "/gc/heap/goal:bytes"
	h.adjust()
}

// adjust runs after each collection, in the goroutine of finalizers: nobody but
// the collector refers to h.
func (h *heapFloor) adjust() {
	metrics.Read(h.samples[:])
	percent := h.wanted(int(h.samples[0].Value.Uint64()), int(h.samples[1].Value.Uint64()))
	// To set it stops everything for a moment: a little is not worth that.
	if change := percent - h.percent; max(change, -change) > h.percent/8 {
		debug.SetGCPercent(percent)
		h.percent = percent
	}
	runtime.SetFinalizer(h, (*heapFloor).adjust)
}

// wanted is the proportion at which the heap is collected at leastHeap, where live
// octets are in use and the present one means to collect it at goal.
func (h *heapFloor) wanted(live, goal int) int {
	each := (goal - live) / h.percent // octets for each hundredth, stacks counted
	if live >= leastHeap || each <= 0 {
		return usualPercent
	}
	return max(usualPercent, (leastHeap-live)/each)
}

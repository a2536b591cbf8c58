package main

// heapFloor is how many octets more Go's collector is told of than there are.
// A server that moves thousands of messages a second keeps but two or three MB
// itself, for mail is in SQLite's and the system's caches: so the collector,
// which runs when the heap has doubled, would run after every hundred messages
// and take a tenth of the processor. With the floor it runs a third as often,
// and up to heapFloor more of what nobody needs lies about.
const heapFloor = 4 << 20

// newHeapFloor is the floor: octets that nobody writes, and which therefore take
// no memory. Keep it alive as long as it is to last.
func newHeapFloor() []byte { return make([]byte, heapFloor) }

package wire

// Presence is what is known of a client that nobody reads from.
type Presence int

const (
	// Present: nothing speaks against it.
	Present Presence = iota
	// Silent: it will send no more. It may have gone, or read on; which of the
	// two comes out once something is sent.
	Silent
	// Gone: it gets nothing any more.
	Gone
)

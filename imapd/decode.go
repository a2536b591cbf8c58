package imapd

// decoder reads the arguments of one command, held whole with its literals
// inline as {n} CRLF octets. The first error sticks, and every later method
// returns zero values: a handler checks once, after end.
type decoder struct {
	b []byte
	// unicode: mailbox names are UTF-8, not modified UTF-7, and quoted strings
	// may hold UTF-8 (see enabled.unicode).
	unicode bool
	err     error
}

// newDecoder reads what follows the command's name.
func newDecoder(b []byte, unicode bool) *decoder { return &decoder{b: b, unicode: unicode} }

// fail notes a syntax error, unless there was one.
func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = bad(format, args...)
	}
}

// end expects the end of the command and returns the first error.
func (d *decoder) end() error {
	if len(d.b) > 0 {
		d.fail("Unexpected text at the end")
	}
	return d.err
}

//go:build !linux

package wire

// Presence is always Present: nothing is known.
func (c *Conn) Presence() Presence { return Present }

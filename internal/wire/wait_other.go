//go:build !unix

package wire

import (
	"net"
	"syscall"
)

// rawConn is nil: a socket is waited for with the small buffer.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (c *Conn) readRaw() (int, error) { panic("wire: no raw socket") }

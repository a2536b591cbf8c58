package stall

import (
	"fmt"
	"testing"
)

// TestMixes: the matrix is whole.
func TestMixes(t *testing.T) {
	if n := len(Mixes(4)); n != 4+16+64+256-3-9-27-81 {
		t.Error(n)
	}
	if got := fmt.Sprintf("%q", Mixes(2)); got != `["." "\r." "\n." ".\r" ".\n" ".." ".\x00" "\x00."]` {
		t.Error(got)
	}
}

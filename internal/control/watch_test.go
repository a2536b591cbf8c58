package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"posthorn/store"
)

// TestWatchLosesNothing has a busy server send events together with its reply:
// each of them arrives.
func TestWatchLosesNothing(t *testing.T) {
	const n = 100
	cfg := store.Config{Dir: t.TempDir()}
	ln, err := Listen(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var req request
		json.NewDecoder(conn).Decode(&req)
		fmt.Fprint(conn, "{}\n"+strings.Repeat(`{"text":"* OK something that was said"}`+"\n", n))
	}()
	seen, whole := 0, errors.New("that was all")
	err = Watch(t.Context(), cfg, func() {}, func(json.RawMessage) error {
		if seen++; seen == n {
			return whole
		}
		return nil
	})
	if err != whole {
		t.Errorf("%d events of %d arrived, then %v", seen, n, err)
	}
}

package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"posthorn/internal/class"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

const (
	// maxWatches is how many may watch a server over its socket at once.
	maxWatches = 8
	// watchTime is how long one write to a watcher may take.
	watchTime = 20 * time.Second
	// watchOperation is not among operations: its answer goes on.
	watchOperation = "watch"
)

// Watched is a server's transcript as operators see it. The zero value but for
// Tap and Name is ready.
type Watched struct {
	Name string
	Tap  *wire.Tap
	now  atomic.Int32 // how many watch
}

// watch answers with events (class.Event), a line each, until the client
// leaves. What a slow client has no time for is skipped, and it is told so.
func (o *Operator) watch(ctx context.Context, conn net.Conn) error {
	w := o.Watched
	if w == nil {
		return fmt.Errorf("%w: nothing to watch here", mail.ErrInvalid)
	}
	if w.now.Add(1) > maxWatches {
		w.now.Add(-1)
		return fmt.Errorf("%w: %d watch already", mail.ErrInUse, maxWatches)
	}
	defer w.now.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn.SetReadDeadline(time.Time{})
	go func() {
		defer cancel()
		io.Copy(io.Discard, conn) // it says nothing more, but leaves
	}()
	room := class.NewRoom(class.Limits{Events: 5000, Octets: 4 << 20, Sessions: 500})
	defer room.Join(class.Joining{Name: w.Name, Tap: w.Tap})()
	write := func(lines []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		conn.SetWriteDeadline(time.Now().Add(watchTime))
		_, err := conn.Write(lines)
		return err
	}
	if err := write([]byte("{}\n")); err != nil { // the reply: it begins
		return nil
	}
	room.Lines(ctx, 0, write)
	return nil
}

// Watch calls begun when it sees what a running server does, and event with each
// event (class.Event) until ctx ends, the server does, or event returns an
// error.
func Watch(ctx context.Context, cfg store.Config, begun func(), event func(json.RawMessage) error) error {
	c, err := dial(ctx, cfg.Dir)
	if err != nil {
		return fmt.Errorf("no server runs on %s: %w", cfg.Dir, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.Call(ctx, watchOperation, None{}, nil); err != nil {
		return err
	}
	begun()
	in := json.NewDecoder(io.MultiReader(c.in.Buffered(), c.conn))
	for {
		var e json.RawMessage
		if err := in.Decode(&e); err != nil {
			return nil // one of both has left
		}
		if err := event(e); err != nil {
			return err
		}
	}
}

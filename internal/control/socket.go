package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/store"
)

const (
	socketName = "control.sock"
	// maxRequest is the most octets of one request or reply, and of all requests
	// of a connection.
	maxRequest = 64 << 20
	// requestTime is how long one operation may take: a deep check of a large
	// store reads all of it.
	requestTime = time.Hour
	// lastTime is how long the last answers may take when the server stops.
	lastTime = time.Second
)

type request struct {
	Operation string          `json:"operation"`
	In        json.RawMessage `json:"in"`
}

type reply struct {
	Out   json.RawMessage `json:"out,omitempty"`
	Error string          `json:"error,omitempty"`
	Kind  string          `json:"kind,omitempty"`
}

// Listen opens the socket (0600) in the data folder. The caller has the
// store's lock, so a socket that is there already is a dead server's.
func Listen(dataDir string) (net.Listener, error) {
	path, done, err := socketPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := syscall.Umask(0o177)
	ln, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, err
	}
	// done closes the folder that path goes through: Close could not remove it.
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	return ln, nil
}

// socketPath is where the socket is: by way of an open folder where the path
// would be too long for a socket's address.
func socketPath(dataDir string) (path string, done func(), err error) {
	path = filepath.Join(dataDir, socketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), func() { dir.Close() }, nil
}

// Serve answers operations until ln is closed, and then waits for those that
// are under way; the end of ctx ends these.
func Serve(ctx context.Context, ln net.Listener, o *Operator) {
	var served sync.WaitGroup
	defer served.Wait()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		served.Go(func() { serve(ctx, conn, o) })
	}
}

func serve(ctx context.Context, conn net.Conn, o *Operator) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(requestTime))
	defer context.AfterFunc(ctx, func() {
		conn.SetReadDeadline(time.Now())
		conn.SetWriteDeadline(time.Now().Add(lastTime))
	})()
	in := json.NewDecoder(io.LimitReader(conn, maxRequest))
	out := json.NewEncoder(conn)
	for {
		var req request
		if err := in.Decode(&req); err != nil {
			return
		}
		if req.Operation == watchOperation {
			if err := o.watch(ctx, conn); err != nil {
				out.Encode(refusal(err))
			}
			return
		}
		if err := out.Encode(answer(ctx, o, req)); err != nil {
			return
		}
	}
}

func answer(ctx context.Context, o *Operator, req request) reply {
	result, err := o.run(ctx, req.Operation, req.In)
	if err == nil {
		var raw json.RawMessage
		if raw, err = json.Marshal(result); err == nil {
			return reply{Out: raw}
		}
	}
	return refusal(err)
}

func refusal(err error) reply { return reply{Error: err.Error(), Kind: kindOf(err)} }

// client is a Caller over a running server's socket.
type client struct {
	conn  net.Conn
	limit *io.LimitedReader // of the reply that is read
	in    *json.Decoder
}

func dial(ctx context.Context, dataDir string) (*client, error) {
	path, done, err := socketPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	limit := &io.LimitedReader{R: conn}
	return &client{conn: conn, limit: limit, in: json.NewDecoder(limit)}, nil
}

func (c *client) Call(ctx context.Context, operation string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	if err := json.NewEncoder(c.conn).Encode(request{operation, raw}); err != nil {
		return fmt.Errorf("the server's control socket: %w", err)
	}
	var r reply
	c.limit.N = maxRequest
	if err := c.in.Decode(&r); err != nil {
		return fmt.Errorf("the server's control socket: %w", err)
	}
	if r.Error != "" {
		return &remoteError{text: r.Error, kind: kinds[r.Kind]}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(r.Out, out)
}

func (c *client) Close() error { return c.conn.Close() }

// local is a Caller on a store that it opened itself.
type local struct{ Operator }

func (l *local) Close() error { return l.Store.Close() }

// Reach returns a Caller on the running server of this data folder, or on the
// store itself when no server runs.
func Reach(ctx context.Context, cfg store.Config) (Caller, error) {
	if c, err := dial(ctx, cfg.Dir); err == nil {
		return c, nil
	}
	if _, err := os.Stat(cfg.Dir); err != nil {
		return nil, fmt.Errorf("no data folder: %w; \"posthorn init\" makes one", err)
	}
	st, err := store.Open(ctx, cfg)
	if errors.Is(err, mail.ErrInUse) {
		return nil, fmt.Errorf("another process has the store in %s open, and does not answer on its control socket: %w", cfg.Dir, err)
	}
	if err != nil {
		return nil, err
	}
	return &local{Operator{Store: st, Auth: auth.New(st, auth.Config{})}}, nil
}

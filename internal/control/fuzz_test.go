package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"testing"
	"time"

	"posthorn/auth"
	"posthorn/store"
)

// FuzzSocket sends anything to the control socket: each reply is a result or an
// error, and the store stays what it was or becomes what it may be.
func FuzzSocket(f *testing.F) {
	st, err := store.Open(f.Context(), store.Config{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	o := &Operator{Store: st, Auth: auth.New(st, auth.Config{})}
	for name := range operations() {
		for _, in := range []string{`null`, `{}`, `[]`, `{"address":"a@example.org","Address":"a@example.org","Targets":["b@x"],"domain":"example.org","Name":"x","password":"short"}`} {
			f.Add([]byte(`{"operation":"` + name + `","in":` + in + `}`))
		}
	}
	f.Add([]byte(`{"operation":"none"}{}"x"[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := &said{Reader: bytes.NewReader(b)}
		serve(context.Background(), conn, o)
		out := conn.out.Bytes()
		in := json.NewDecoder(bytes.NewReader(out))
		for in.More() {
			var r reply
			if err := in.Decode(&r); err != nil || r.Error != "" && r.Out != nil {
				t.Fatalf("%q is answered %q: %v", b, out, err)
			}
		}
	})
}

// said is a connection whose peer has said all that it will say.
type said struct {
	net.Conn
	io.Reader
	out bytes.Buffer
}

func (c *said) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c *said) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *said) Close() error                { return nil }
func (c *said) SetDeadline(time.Time) error { return nil }

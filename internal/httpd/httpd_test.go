package httpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/daemontest"
)

func TestHealthz(t *testing.T) {
	var sick error
	h := New(Config{Serve: []string{"healthz"}, Health: func() error { return sick }}).Handler
	for _, want := range []int{200, 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != want {
			t.Errorf("got %d, want %d", w.Code, want)
		}
		sick = errors.New("disk on fire")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 {
		t.Errorf("/ gives %d", w.Code)
	}
}

// How long does a client live that behaves so, and what is it told?
func TestServerBounds(t *testing.T) {
	header := func(octets int) string {
		const before, after = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "\r\n\r\n"
		return before + strings.Repeat("x", octets-len(before)-len(after)) + after
	}
	for _, tt := range []struct {
		name, says, drips string // a second between two drips
		reads             bool
		lives             time.Duration
		status            string
	}{
		{"silent", "", "", true, 10 * time.Second, ""},
		{"trickle of a header", "GET / HTTP/1.1\r\n", "X: y\r\n", true, 10 * time.Second, ""},
		{"trickle of a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "x", true, 30 * time.Second, "HTTP/1.1 408"},
		{"reads nothing", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "", false, time.Minute, ""},
		{"idle", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "", true, 2 * time.Minute, "HTTP/1.1 200"},
		{"long header", header(16 << 10), "", true, 2 * time.Minute, "HTTP/1.1 200"},
		{"longer header", header(24 << 10), "", true, 500 * time.Millisecond, "HTTP/1.1 431"}, // net/http lingers
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Time, 1)
				srv := New(Config{Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						w.WriteHeader(http.StatusRequestTimeout)
					}
					w.Write(make([]byte, 64<<10))
				})})
				srv.ConnState = func(_ net.Conn, s http.ConnState) {
					if s == http.StateClosed {
						ended <- time.Now()
					}
				}
				a, client := net.Pipe()
				begun := time.Now()
				go srv.Serve(daemontest.Listener(a))
				go func() {
					_, err := io.WriteString(client, tt.says)
					for err == nil && tt.drips != "" {
						time.Sleep(time.Second)
						_, err = io.WriteString(client, tt.drips)
					}
				}()
				var told bytes.Buffer
				read := make(chan bool)
				go func() {
					defer close(read)
					if tt.reads {
						io.Copy(&told, client)
					}
				}()
				lived := (<-ended).Sub(begun)
				<-read
				if lived != tt.lives || !strings.HasPrefix(told.String(), tt.status) || tt.status == "" && told.Len() > 0 {
					t.Errorf("lived for %v, was told %.100q", lived, told.String())
				}
				client.Close()
				time.Sleep(time.Second)
			})
		})
	}
}

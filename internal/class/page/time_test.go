package page

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/class"
	"posthorn/internal/daemontest"
	"posthorn/internal/explain"
	"posthorn/internal/show"
)

// TestWatcherWhoDoesNotRead: twenty seconds, and another may watch.
func TestWatcherWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		srv := &http.Server{
			Handler: New(Config{Room: class.NewRoom(class.Limits{}), From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
			ConnState: func(_ net.Conn, s http.ConnState) {
				if s == http.StateClosed {
					ended <- time.Now()
				}
			},
		}
		client, server := daemontest.Pipe("127.0.0.1:5")
		begun := time.Now()
		go srv.Serve(daemontest.Listener(server))
		client.Write([]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		if lived := (<-ended).Sub(begun); lived != 20*time.Second {
			t.Errorf("it is held for %v", lived)
		}
		client.Close()
	})
}

// TestPlayingIsBounded: one script is played at a time, and its session is waited
// for five seconds.
func TestPlayingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stage := &show.Stage{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		var script string
		for _, c := range explain.Codes() {
			for i := range c.Shows {
				if stage.Able(&c.Shows[i]) {
					script = c.Shows[i].ID
				}
			}
		}
		h := New(Config{Room: class.NewRoom(class.Limits{}), Token: testToken, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Stage: stage})
		body, err := json.Marshal(ShowRequest{Script: script})
		check(t, err)
		play := func(status int, within time.Duration) {
			t.Helper()
			begun := time.Now()
			if w := serve(h, request("POST", "/show", string(body))); w.Code != status || time.Since(begun) != within {
				t.Errorf("%d %s after %v", w.Code, w.Body, time.Since(begun))
			}
		}
		play(200, 5*time.Second)
		play(503, 0)
		time.Sleep(time.Minute)
		play(200, 5*time.Second)
		time.Sleep(time.Minute)
	})
}

//go:build browser

package browser

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	rooms "posthorn/internal/class"
	"posthorn/internal/class/page"
	"posthorn/internal/wire"
)

// TestRestart: a page whose server was started anew, and has counted beyond what
// the page has seen, starts over and says so.
func TestRestart(t *testing.T) {
	meet := chromium(t)
	var life atomic.Pointer[http.Handler]
	begin := func(events int) *rooms.Room {
		room := rooms.NewRoom(rooms.Limits{})
		t.Cleanup(room.Join(rooms.Joining{Name: "crepes.fr", Tap: &wire.Tap{}}))
		for i := range events {
			room.Reveal(i%2 == 0)
		}
		h := page.New(page.Config{Room: room, Token: "sesame", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Mode: "demo", Version: "1", CanReveal: true})
		life.Store(&h)
		return room
	}
	first := begin(3)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*life.Load()).ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	b := meet(t).open(s.URL + "/")
	b.expects("Failed to load resource")
	b.wait(`document.querySelector("#connection").classList.contains("good") && document.querySelectorAll("#lines .line").length === 3`)
	second := begin(7)
	first.Close()
	b.wait(`document.querySelectorAll("#lines .line").length === 7 && !document.querySelector("#notice").hidden`)
	b.click("#notice-close")
	b.wait(`document.querySelector("#notice").hidden`)
	second.Reveal(false)
	second.Reveal(true)
	b.wait(`document.querySelectorAll("#lines .line").length >= 8`)
	t.Cleanup(second.Close)
}

package page

import (
	"net/http"
	"time"
)

const (
	// maxFollowers is how many may watch at once.
	maxFollowers = 64
	// followTime is how long one write to a watcher may take.
	followTime = 20 * time.Second
)

// events serves server-sent events (HTML, section 9.2) until the client leaves
// or does not read.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	since, err := sinceOf(r)
	if err != nil {
		refuse(w, err)
		return
	}
	select {
	case s.followers <- struct{}{}:
		defer func() { <-s.followers }()
	default:
		refuse(w, &problem{http.StatusServiceUnavailable, "busy", "too many watch already"})
		return
	}
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Time{}) // it says nothing more
	w.Header().Set("Content-Type", "text/event-stream")
	write := func(frames []byte) error {
		out.SetWriteDeadline(time.Now().Add(followTime))
		if _, err := w.Write(frames); err != nil {
			return err
		}
		return out.Flush()
	}
	if write([]byte("retry: 2000\n\n")) == nil {
		s.Room.Follow(r.Context(), since, write)
	}
}

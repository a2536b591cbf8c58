package page

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"posthorn/internal/class"
	"posthorn/internal/explain"
)

const (
	// maxPlaying is how many scripts may be played at once: what one takes down or
	// has fail would be another's.
	maxPlaying = 1
	// playTime is how long one may take.
	playTime = 2 * time.Minute
	// sightTime is how long its session may take to be seen.
	sightTime = 5 * time.Second
	sightLook = 10 * time.Millisecond
)

func (s *server) switchServer(_ context.Context, in ServerSwitch) (any, error) {
	return nil, s.Room.Switch(in.Server, in.Up)
}

func (s *server) fault(_ context.Context, in FaultRequest) (any, error) {
	switch {
	case in.Clear:
		s.Room.Disarm(0)
	case in.Remove > 0:
		s.Room.Disarm(in.Remove)
	}
	if in.Arm != nil {
		if _, err := s.Room.Arm(*in.Arm); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *server) reveal(_ context.Context, in RevealSwitch) (any, error) {
	if in.On && !s.CanReveal {
		return nil, class.ErrNotAllowed
	}
	s.Room.Reveal(in.On)
	return nil, nil
}

func (s *server) queue(ctx context.Context, in QueueRequest) (any, error) {
	return nil, s.Room.Retry(ctx, in.Server, in.ID)
}

// scripts are the ids of the scripts that can be played here.
func (s *server) scripts() []string {
	list := []string{}
	if s.Stage == nil {
		return list
	}
	for _, c := range explain.Codes() {
		for i := range c.Shows {
			if s.Stage.Able(&c.Shows[i]) {
				list = append(list, c.Shows[i].ID)
			}
		}
	}
	return list
}

func findShow(id string) *explain.Show {
	for _, c := range explain.Codes() {
		if i := slices.IndexFunc(c.Shows, func(sh explain.Show) bool { return sh.ID == id }); i >= 0 {
			return &c.Shows[i]
		}
	}
	return nil
}

// show begins to play a script, and tells the first session that it opens.
func (s *server) show(ctx context.Context, in ShowRequest) (any, error) {
	script := findShow(in.Script)
	if script == nil || s.Stage == nil || !s.Stage.Able(script) {
		return nil, &problem{http.StatusNotFound, "unknown-script", ""}
	}
	select {
	case s.playing <- struct{}{}:
	default:
		return nil, &problem{http.StatusServiceUnavailable, "busy", "others are played"}
	}
	first := make(chan Shown, 1)
	stage := *s.Stage
	stage.Dial = func(ctx context.Context, server, port string) (net.Conn, error) {
		conn, err := s.Stage.Dial(ctx, server, port)
		if err == nil {
			s.Room.Dialed(script.ID, conn.LocalAddr())
			select {
			case first <- Shown{Server: server, Session: conn.LocalAddr().String()}:
			default:
			}
		}
		return conn, err
	}
	done := make(chan struct{})
	go func() {
		defer func() { <-s.playing }()
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), playTime)
		defer cancel()
		stage.Play(ctx, script) // how it went is seen on the page
	}()
	return s.sighted(ctx, first, done)
}

// sighted waits for a script's first session. A script may have none: it shows
// what a queue does.
func (s *server) sighted(ctx context.Context, first <-chan Shown, done <-chan struct{}) (*Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, sightTime)
	defer cancel()
	var shown Shown
	select {
	case shown = <-first:
	case <-done:
		return &shown, nil
	case <-ctx.Done():
		return &shown, nil
	}
	look := time.NewTicker(sightLook)
	defer look.Stop()
	remote := shown.Session
	shown.Session = ""
	for {
		if shown.Server, shown.Session = s.Room.SessionFrom(remote); shown.Session != "" {
			return &shown, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return &shown, nil
		}
	}
}

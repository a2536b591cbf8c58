package class

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/golden"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// script reads lines such as "C: NOOP", "S: +OK", "login bob", "tls", "note
// KIND", "C> data", "M: what is shown | what it is" into what a tap would tell.
func script(text, protocol, conn string) []wire.Event {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	events := []wire.Event{{Kind: wire.Opened}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		e := wire.Event{Text: rest, Octets: int64(len(rest) + 2)}
		switch word {
		case "C:":
			e.Kind = wire.ClientLine
		case "S:":
			e.Kind = wire.ServerLine
		case "C>":
			e.Kind, e.Text = wire.ClientData, rest+"\r\n"
		case "S>":
			e.Kind, e.Text = wire.ServerData, rest+"\r\n"
		case "M:":
			e.Kind, e.Masked = wire.ClientLine, true
			e.Text, e.Secret, _ = strings.Cut(rest, " | ")
		case "login":
			e.Kind = wire.LoggedIn
		case "tls":
			e.Kind = wire.TLSStarted
		case "note":
			e.Kind, e.Note = wire.Noted, &wire.Note{Kind: rest}
		case "close":
			e.Kind = wire.Closed
		case "quiet":
			e.Kind, e.Quiet = wire.Noted, 3
			e.Note = &wire.Note{Kind: "other"}
		default:
			continue
		}
		events = append(events, e)
	}
	for i := range events {
		events[i].Seq, events[i].Time = uint64(i+1), at.Add(time.Duration(i)*time.Millisecond)
		events[i].Conn, events[i].Protocol, events[i].Remote = conn, protocol, "127.0.0.1:5"
	}
	return events
}

// TestStates holds the states of sessions to golden files: each script of
// testdata with, after each line, the command and the state that it led to.
func TestStates(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		protocol, _, _ := strings.Cut(name, "_")
		r := NewRoom(Limits{})
		r.reveal = true
		r.take(&joined{Joining: Joining{Name: "hamburger.edu"}}, script(string(text), protocol, name))
		var got bytes.Buffer
		for _, raw := range r.Events(0).Events {
			var e Event
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			for _, line := range e.Body() {
				fmt.Fprintf(&got, "%s %s", e.Mark(), line)
			}
			if e.Command != "" {
				fmt.Fprintf(&got, "   [%s]", e.Command)
			}
			if e.Reveal != nil {
				fmt.Fprintf(&got, "   <%s>", e.Reveal.Decoded)
			}
			if e.State != nil {
				state, _ := json.Marshal(e.State)
				fmt.Fprintf(&got, "   %s", state)
			}
			got.WriteByte('\n')
		}
		golden.Compare(t, strings.TrimSuffix(file, ".txt")+".golden", got.Bytes())
	}
}

func testRoom(limits Limits) (*Room, *joined) {
	r := NewRoom(limits)
	j := &joined{Joining: Joining{Name: "hamburger.edu", Tap: &wire.Tap{}, Faults: &fault.Set{}}, up: true, attempts: map[attemptKey][]Attempt{}}
	r.servers = append(r.servers, j)
	return r, j
}

// The history is bounded: whole sessions leave, closed ones first.
func TestBounds(t *testing.T) {
	for _, limits := range []Limits{{Events: 100}, {Octets: 20_000}, {Sessions: 5}} {
		r, j := testRoom(limits)
		r.take(j, script("S: +OK hello\n", "pop3", "open"))
		for i := range 200 {
			r.take(j, script("S: +OK hello\nC: CAPA\nclose\n", "pop3", fmt.Sprint("c", i)))
		}
		events := r.Events(0).Events
		if n := len(events); n > 150 || n < 10 {
			t.Errorf("%+v: %d events are kept", limits, n)
		}
		var first Event
		json.Unmarshal(events[0], &first)
		if first.Session != "open" || first.Seq != 1 {
			t.Errorf("%+v: the open session has left: %s", limits, events[0])
		}
		if len(r.sessions) != len(r.order) || len(r.order) > 50 {
			t.Errorf("%+v: %d and %d sessions", limits, len(r.sessions), len(r.order))
		}
		if r.Transcript("c0") != nil || !bytes.Contains(r.Transcript("c199"), []byte("C: CAPA\n")) {
			t.Errorf("%+v: transcripts %q, %q", limits, r.Transcript("c0"), r.Transcript("c199"))
		}
		s, err := r.State(context.Background())
		if err != nil || s.First != 1 || s.Seq != 801+1 || len(s.Sessions) != len(r.order) {
			t.Errorf("%+v: state from %d to %d, %d sessions, %v", limits, s.First, s.Seq, len(s.Sessions), err)
		}
	}
	// Unless it is told otherwise, a room keeps two thousand sessions, fifty thousand
	// events, and 32 MiB of them.
	for _, tt := range []struct {
		sessions, lines, octets  int
		kept, least, most, bytes int // sessions, events, octets of JSON
	}{
		{2010, 1, 10, 2000, 4000, 6030, 2 << 20},
		{60, 1000, 10, 50, 49_000, 50_000, 16 << 20},
		{60, 700, 900, 50, 30_000, 45_000, 32 << 20},
	} {
		r, j := testRoom(Limits{})
		for i := range tt.sessions {
			r.take(j, script(strings.Repeat("C: "+strings.Repeat("x", tt.octets)+"\n", tt.lines)+"close\n", "pop3", fmt.Sprint("c", i)))
		}
		if n := len(r.entries) - r.dropped; len(r.order) > tt.kept || n < tt.least || n > tt.most || r.octets > int64(tt.bytes) || r.octets < int64(tt.bytes)*9/10 && tt.octets == 900 {
			t.Errorf("%d sessions of %d lines of %d octets: %d sessions, %d events, %d octets", tt.sessions, tt.lines, tt.octets, len(r.order), n, r.octets)
		}
	}
	// One session alone does not drive out the others, nor fill everything.
	r, j := testRoom(Limits{Events: 100})
	r.take(j, script("S: +OK hello\nclose\n", "pop3", "before"))
	r.take(j, script(strings.Repeat("C: NOOP\n", 10_000), "pop3", "endless"))
	if n := len(r.Events(0).Events); n > 30 || r.Transcript("before") == nil {
		t.Errorf("%d events of an endless session", n)
	}
}

// A follower gets all events once and in order, and is told what it missed.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := testRoom(Limits{Events: 100})
		var got strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		hold, broken := make(chan bool), errors.New("broken")
		done := make(chan error, 3)
		go func() {
			done <- r.Follow(ctx, 0, func(frames []byte) error { got.Write(frames); return nil })
		}()
		first := true
		var late strings.Builder
		go func() {
			done <- r.Lines(ctx, 1, func(lines []byte) error {
				late.Write(lines)
				if first {
					first = false
					<-hold
				}
				return nil
			})
		}()
		go func() { done <- r.Follow(ctx, 1<<40, func([]byte) error { return broken }) }()
		synctest.Wait()
		for i := range 20 {
			r.take(j, script("S: +OK hello\nclose\n", "pop3", fmt.Sprint("c", i)))
			time.Sleep(time.Second)
		}
		for i := range 100 {
			r.take(j, script("S: +OK hello\nclose\n", "pop3", fmt.Sprint("d", i)))
		}
		close(hold)
		time.Sleep(time.Minute)
		cancel()
		failed := 0
		for range 3 {
			if err := <-done; errors.Is(err, broken) {
				failed++
			}
		}
		if failed != 1 || len(r.followers) != 0 {
			t.Errorf("%d failed, %d are still there", failed, len(r.followers))
		}
		last := uint64(0)
		for line := range strings.Lines(got.String()) {
			var e Event
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				if e.Kind == "skipped" {
					last += uint64(e.Skipped)
					continue
				}
				if e.Seq != last+1 {
					t.Errorf("%d follows %d", e.Seq, last)
				}
				last = e.Seq
			}
		}
		if last != r.seq {
			t.Errorf("the last event is %d, not %d", last, r.seq)
		}
		if !strings.Contains(late.String(), `"kind":"skipped","skipped":`) {
			t.Errorf("a late follower is not told what it missed: %.300s", late.String())
		}
		if !strings.Contains(got.String(), "\n\n:\n\n") {
			t.Error("nothing keeps a quiet stream alive")
		}
	})
}

// A follower gets a quarter of a megabyte at a time and no more often than every
// 50 milliseconds, and a word each 15 seconds; who asks, 5,000 events at a time.
func TestFollowInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := testRoom(Limits{})
		r.take(j, script(strings.Repeat("C: "+strings.Repeat("x", 80)+"\n", 6000), "pop3", "c"))
		ctx, cancel := context.WithCancel(t.Context())
		begun := time.Now()
		var at []time.Duration
		var sizes []int
		go r.Follow(ctx, 0, func(frames []byte) error {
			at, sizes = append(at, time.Since(begun)), append(sizes, len(frames))
			return nil
		})
		time.Sleep(31 * time.Second)
		cancel()
		synctest.Wait()
		n := len(at)
		if n < 5 || at[n-1] != 30*time.Second || at[n-2] != 15*time.Second {
			t.Fatalf("written at %v", at)
		}
		for i := range n - 3 { // the last is what was left
			if at[i] != time.Duration(i)*50*time.Millisecond || sizes[i] < 256<<10 || sizes[i] > 257<<10 {
				t.Errorf("%d octets at %v", sizes[i], at[i])
			}
		}
		if e := r.Events(0); len(e.Events) != 5000 || !e.More {
			t.Errorf("%d events, more: %v", len(e.Events), e.More)
		}
	})
}

// What was read of a store will do for 200 milliseconds.
func TestStateAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := testRoom(Limits{})
		seen := func() int {
			s, err := r.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.Servers[0].Ports["smtp"]
		}
		j.Ports = map[string]int{"smtp": 25}
		before := seen()
		j.Ports = map[string]int{"smtp": 2525}
		time.Sleep(200 * time.Millisecond)
		still := seen()
		time.Sleep(time.Nanosecond)
		if after := seen(); before != 25 || still != 25 || after != 2525 {
			t.Errorf("first %d, then %d and %d", before, still, after)
		}
	})
}

// Of recipients without end a state has fifty, of commands without answers a
// hundred wait.
func TestStateIsBounded(t *testing.T) {
	r, j := testRoom(Limits{})
	r.take(j, script(strings.Repeat("C: RCPT TO:<a@b>\nS: 250 OK\n", 60)+strings.Repeat("C: NOOP\n", 120), "smtp", "c"))
	s := r.sessions["c"]
	if to, waiting := len(s.State.To), len(s.machine.(*smtpMachine).waiting); to != 50 || waiting != 100 {
		t.Errorf("%d recipients, %d commands wait", to, waiting)
	}
}

// What is revealed is forgotten when that is switched off.
func TestHide(t *testing.T) {
	r, j := testRoom(Limits{})
	r.Reveal(true)
	r.take(j, script("M: PASS ******** | PASS hush\nS: + VXNlcm5hbWU6\n", "pop3", "c"))
	if all := fmt.Sprintf("%s", r.Events(0).Events); !strings.Contains(all, "hush") || !strings.Contains(all, "reveal-on") {
		t.Errorf("not revealed: %s", all)
	}
	r.Reveal(false)
	r.take(j, script("M: PASS ******** | PASS hush\n", "pop3", "late")) // on its way while that was switched
	if all := fmt.Sprintf("%s", r.Events(0).Events); strings.Contains(all, "hush") || !strings.Contains(all, "********") || !strings.Contains(all, "reveal-off") {
		t.Errorf("not hidden: %s", all)
	}
}

// A queue in a hurry does not fill the history.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := testRoom(Limits{})
		try := func(id int) {
			to := mail.Recipient{Address: mail.Address{Local: "bob", Domain: "hamburger.edu"}}
			r.Tried("hamburger.edu", "127.0.0.1:3025 none ", &store.QueueEntry{ID: store.QueueID(id), To: to}, mail.Result{Text: "busy\x1b"})
		}
		for id := range 5000 {
			try(id)
		}
		r.Tried("crepes.fr", "", &store.QueueEntry{}, mail.Result{})
		if n := len(r.Events(0).Events); n != 1000 {
			t.Errorf("%d attempts are told", n)
		}
		if len(j.attempts) != 1000 || len(j.order) != 1000 {
			t.Errorf("%d histories", len(j.attempts))
		}
		time.Sleep(time.Second)
		for range 110 {
			try(5000)
		}
		if n := len(j.attempts[j.order[999]]); n != 20 {
			t.Errorf("%d attempts of one entry are remembered", n)
		}
		events := r.Events(1000).Events
		var skipped, e Event
		if len(events) != 1+100 || json.Unmarshal(events[0], &skipped) != nil || json.Unmarshal(events[1], &e) != nil {
			t.Fatalf("%s", events)
		}
		if skipped.Skipped != 5000-1000 || e.Queue.Attempt.Hop != "127.0.0.1:3025" || e.Queue.Attempt.Text != "busy\uFFFD" {
			t.Errorf("%s", events)
		}
	})
}

func TestSwitches(t *testing.T) {
	r, j := testRoom(Limits{})
	ups := []bool{}
	j.Switch = func(up bool) error { ups = append(ups, up); return nil }
	for _, up := range []bool{false, false, true} {
		if err := r.Switch("hamburger.edu", up); err != nil {
			t.Error(err)
		}
	}
	if err := r.Switch("crepes.fr", true); !errors.Is(err, ErrUnknownServer) {
		t.Error(err)
	}
	if _, err := r.Arm(Fault{Protocol: "smtp", Kind: "explode"}); !errors.Is(err, fault.ErrUnknown) {
		t.Error(err)
	}
	if _, err := r.Arm(Fault{Protocol: "smtp", Kind: "slow", Server: "crepes.fr"}); !errors.Is(err, ErrUnknownServer) {
		t.Error(err)
	}
	f, err := r.Arm(Fault{Protocol: "smtp", Kind: "slow"})
	if err != nil || len(j.Faults.Armed()) != 1 {
		t.Errorf("%v, %v", j.Faults.Armed(), err)
	}
	r.Disarm(f.ID)
	r.Disarm(f.ID)
	j.Faults = nil
	if _, err := r.Arm(Fault{Protocol: "smtp", Kind: "slow"}); !errors.Is(err, ErrNotAllowed) {
		t.Error(err)
	}
	r.Disarm(0)
	kinds := []string{}
	for _, raw := range r.Events(0).Events {
		var e Event
		json.Unmarshal(raw, &e)
		kinds = append(kinds, e.Switch.Kind)
	}
	if got := fmt.Sprint(kinds, ups); got != "[server-down server-up fault-armed fault-removed] [false false true]" {
		t.Error(got)
	}
}

// FuzzStates feeds sessions with anything: there is always a state of the
// protocol, and an event in JSON.
func FuzzStates(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(len(filepath.Base(file))%4), string(text))
	}
	phases := map[string]string{
		"smtp": "handshake transfer closure closed", "submission": "handshake transfer closure closed",
		"pop3": "authorization transaction update closed", "imap": "not-authenticated authenticated selected logout closed",
	}
	f.Fuzz(func(t *testing.T, p uint8, text string) {
		protocol := []string{"smtp", "submission", "pop3", "imap"}[p%4]
		r, j := testRoom(Limits{Events: 200})
		events := script(text, protocol, "c")
		r.take(j, events)
		s := r.sessions["c"]
		if !strings.Contains(phases[protocol], s.State.Phase) || s.State.Phase == "" || len(s.State.To) > maxTo {
			t.Fatalf("state %+v", s.State)
		}
		for _, raw := range r.Events(0).Events {
			var e Event
			if err := json.Unmarshal(raw, &e); err != nil || bytes.ContainsAny(raw, "<>\n") {
				t.Fatalf("%q: %v", raw, err)
			}
			e.Body()
		}
		switch m := s.machine.(type) {
		case *smtpMachine:
			if len(m.waiting) > maxWaiting {
				t.Fatal("too many wait")
			}
		case *pop3Machine:
			if len(m.waiting) > maxWaiting {
				t.Fatal("too many wait")
			}
		case *imapMachine:
			if len(m.waiting) > maxWaiting {
				t.Fatal("too many wait")
			}
		}
	})
}

package class

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Mark says who spoke, as in the RFCs' examples, or what happened.
func (e *Event) Mark() string {
	switch e.Kind {
	case "client", "client-data":
		return "C:"
	case "server", "server-data":
		return "S:"
	case "hidden":
		if e.From == "client" {
			return "C:"
		}
		return "S:"
	}
	return "--"
}

// Body is what was said or what happened, in English, as lines without
// control characters.
func (e *Event) Body() []string {
	switch e.Kind {
	case "client", "server":
		return []string{printable(e.Text)}
	case "client-data", "server-data":
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSuffix(e.Text, "\n"), "\n") {
			lines = append(lines, printable(strings.TrimSuffix(line, "\r")))
		}
		return lines
	}
	return []string{printable(e.what())}
}

// what happened, in a line.
func (e *Event) what() string {
	switch e.Kind {
	case "open":
		return e.Protocol + " from " + e.Remote
	case "close":
		if e.Text != "" {
			return "closed: " + e.Text
		}
		return "closed"
	case "hidden":
		return fmt.Sprintf("[%d octets more]", e.Octets)
	case "tls":
		if e.TLS == nil {
			return "TLS"
		}
		return strings.TrimSpace(strings.Join([]string{e.TLS.Version, e.TLS.Cipher, e.TLS.Group}, " "))
	case "login":
		return "logged in as " + e.Text
	case "note":
		if e.Note == nil {
			return ""
		}
		return e.Note.String()
	case "skipped":
		if e.Unseen > 0 {
			return fmt.Sprintf("%d sessions and %d lines skipped: there was too much to show", e.Unseen, e.Skipped)
		}
		return fmt.Sprintf("%d lines skipped", e.Skipped)
	case "queue":
		if e.Queue == nil {
			return ""
		}
		a := &e.Queue.Attempt
		return fmt.Sprintf("queued message %d for %s, at %s: %s, %s", e.Queue.ID, e.Queue.To, a.Hop, a.Result, a.reply())
	case "switch":
		if e.Switch == nil {
			return ""
		}
		if f := e.Switch.Fault; f != nil {
			return e.Switch.Kind + ": " + f.String()
		}
		return e.Switch.Kind
	}
	return e.Text
}

func (a *Attempt) reply() string {
	text := a.Text
	if a.Status != "" {
		text = a.Status + " " + text
	}
	if a.Code != 0 {
		text = fmt.Sprint(a.Code, " ", text)
	}
	return text
}

// Transcript is a session as text, as far as it is kept; nil when it isn't.
func (r *Room) Transcript(id string) []byte {
	r.mu.Lock()
	s := r.sessions[id]
	if s == nil {
		r.mu.Unlock()
		return nil
	}
	about := s.Session
	frames := make([][]byte, 0, len(s.kept))
	for _, seq := range s.kept {
		if i, found := r.find(seq); found {
			frames = append(frames, r.entries[i].frame)
		}
	}
	r.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s session %s from %s\n\n", about.Server, about.Protocol, about.ID, printable(about.Remote))
	for _, frame := range frames {
		var e Event
		if json.Unmarshal(frame, &e) != nil {
			continue
		}
		for _, line := range e.Body() {
			fmt.Fprintf(&b, "%s %s %s\n", e.Time.Format("15:04:05.000"), e.Mark(), line)
		}
	}
	return []byte(b.String())
}

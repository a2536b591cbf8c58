package stall

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// way is how an exchange goes wrong at an octet.
type way struct {
	name string
	// inserts: something is put between what the client says.
	inserts bool
	// act is what happens; the client goes on if it returns true.
	act func(p *play) bool
	// ends: the server must hang up by itself, after a word unless mute.
	ends, mute bool
	// leaves: the client is gone, and hears nothing any more.
	leaves bool
	// downs: the server goes down.
	downs bool
	// deaf: the client reads nothing from then on.
	deaf bool
}

// longest is longer than any time-out before a client is hung up on.
const longest = 3 * time.Hour

// ways lists all of them.
func (s *Server) ways() []way {
	all := []way{
		{name: "pause", act: func(p *play) bool { p.rest(); return true }},
		{name: "stall", act: func(p *play) bool { p.listen(longest, nil); return true }, ends: true},
		{name: "half-close", act: func(p *play) bool { p.conn.CloseWrite(); p.listen(longest, nil); return false }, ends: true, mute: true},
		{name: "deaf", act: func(p *play) bool { time.Sleep(longest); p.listen(time.Minute, nil); return false }, ends: true, mute: true, deaf: true},
		{name: "close", act: func(p *play) bool { p.conn.Close(); return false }, leaves: true},
		{name: "reset", act: func(p *play) bool { p.conn.reset(); return false }, leaves: true},
		{name: "overflow", inserts: true},
		{name: "shutdown", act: func(p *play) bool { p.shutdown(nil); return true }, downs: true},
		{name: "cut", act: func(p *play) bool {
			now := make(chan struct{})
			close(now)
			p.shutdown(now)
			return true
		}, downs: true},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Refusals)) {
		all = append(all, way{name: "refused: " + name, act: func(p *play) bool { p.server.Refusals[name](true); return true }})
	}
	return all
}

// deafened is how much a server can say to a client that does not read.
const deafened = 2 << 10

// flooded is a part with too much in it at one of its octets. What is too much
// depends on what stands there: a line becomes too long; a text, or what is
// announced, too large, with as many canaries as that takes.
func (p *play) flooded(part *Part, say string, at int) (said, octets, tail string) {
	octets, tail = part.Octets, part.Tail
	canaries := strings.Repeat(p.server.Canary, max(p.server.MaxMessage, p.server.MaxLine)/len(p.server.Canary)+1)
	long := strings.Repeat("A", p.server.MaxLine+1)
	switch {
	case part.Text:
		const end = "\r\n.\r\n" // which must stay whole
		if at <= len(say)-len(end) {
			say = say[:at] + canaries + say[at:]
		}
	case at < len(say):
		// With another first word it would announce nothing.
		if octets == "" || part.Ready != "" || at > strings.IndexByte(say, ' ') {
			say = say[:at] + long + say[at:]
		}
	case at < len(say)+len(octets):
		at -= len(say)
		octets = octets[:at] + canaries + octets[at:]
		say = announce(part.Say, len(octets))
	default:
		at -= len(say) + len(octets)
		tail = tail[:at] + long + tail[at:]
	}
	return say, octets, tail
}

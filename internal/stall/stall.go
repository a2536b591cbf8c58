// Package stall plays a client's part of a protocol exchange to a server, up to
// each of its octets, and there lets something go wrong: the client falls
// silent, leaves, floods or stops reading; the server is refused by its store,
// or goes down. Whatever it is, no octet of a body may run as a command,
// nothing incomplete may be kept, nothing may be said to be kept that is not,
// nobody is told of a success before having said all of what it is for, and the
// connection goes on in step or ends with a clear word.
//
// An exchange is a list of Parts: what a client says before it listens, and what
// it then must hear. Its bodies and literals hold a canary: a line that would be
// answered in a way of its own if it ran as a command.
//
//	stall.go   Server, Exchange, Part: what a test describes
//	ways.go    what can go wrong
//	play.go    the client
//	verdict.go what must hold afterwards
//	pipe.go    a connection in memory
//	deflate.go … that is compressed
//	house.go   what stands behind a daemon
//	mixes.go   the octets of SMTP smuggling
//
// Everything happens in a synctest bubble: time-outs take no time, and a bubble
// that is left with a goroutine fails.
package stall

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"posthorn/internal/wire"
)

// Server is a daemon under test. It is made anew for each exchange, in a bubble
// of that exchange's own.
type Server struct {
	// Serve serves the connections of a port, until the listener is closed.
	Serve func(port string, ln net.Listener) error
	// Wire describes that port's connections. The transcript is added to it.
	Wire func(port string) *wire.Config
	// TLS is for clients.
	TLS *tls.Config
	// Take returns what was kept since it was last called, and removes it.
	Take func() []string
	// Log returns what was logged since it was last called; nil: nothing is.
	Log func() string
	// Refusals are what the store can have against the client, by name; on
	// says whether it has from now on.
	Refusals map[string]func(on bool)

	// Refused matches the last line of an answer that refuses: there may be one
	// for each part, however much was in it.
	Refused string
	// Canary is the line that nobody may run; Ran matches its answer.
	Canary, Ran string
	// Probe is a command that can be given whenever commands can; Probed
	// matches all of what is said to it.
	Probe, Probed string
	// Bye matches what is heard last from a server that hangs up; one that is
	// Silent says nothing after a time-out.
	Bye    string
	Silent bool
	// MaxLine and MaxMessage are the server's limits, in octets.
	MaxLine, MaxMessage int
}

// Exchange is what one client says.
type Exchange struct {
	Name string
	// Port is for Serve and Wire.
	Port  string
	Parts []Part
	// Kept matches what is heard for each thing that the server keeps, or for
	// so many of them that are kept together.
	Kept     string
	Together int // 0: 1
	// Secret must not be seen in the transcript or the log.
	Secret string
}

// Part is something that the client says before it listens again.
type Part struct {
	// Say is said, or what Answer makes of all that was heard.
	Say    string
	Answer func(heard string) string
	// Octets, if any, are announced by Say, whose %d is their number, and said
	// after it; Tail is what follows them. With Ready set they are said only
	// when the announcement was answered so.
	Octets, Tail, Ready string
	// Text: Say is a text that ends with a lone dot.
	Text bool
	// TLS: a handshake, instead of words.
	TLS bool
	// Deflate: from here on all is compressed (RFC 4978).
	Deflate bool
	// Hear matches what must be heard then, or the client gives up. Empty: the
	// client goes on without listening.
	Hear string
	// Keeps is what the server keeps once it has this part, in place of what it
	// kept for an earlier one where Replaces is set. Kept doesn't match what is
	// heard for it then.
	Keeps    string
	Replaces bool
}

// Words is what the client says in it, as far as that is known before.
func (x *Exchange) Words() string {
	var b strings.Builder
	for i := range x.Parts {
		p := &x.Parts[i]
		b.WriteString(announce(p.Say, len(p.Octets)) + p.Octets + p.Tail)
	}
	return b.String()
}

// Full tells whether tests shall try every octet, instead of some.
func Full() bool { return os.Getenv("SWEEP") == "full" }

// Run plays each exchange, whole and then in each way in which it can go wrong,
// to a server of its own. A server that newServer makes has its clean-up
// registered with t.
func Run(t *testing.T, exchanges []Exchange, newServer func(t *testing.T) *Server) {
	for _, x := range exchanges {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel() // fsyncs are waited for
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				whole := s.run(t, &x, way{name: "whole"}, 0)
				whole.checkWhole()
				for _, w := range s.ways() {
					if t.Failed() {
						return // the next would prove nothing
					}
					s.runWay(t, &x, w, whole)
				}
			})
		})
	}
}

// few is how many octets are tried in each way, unless every one is.
const few = 4

// handshakeStep: of a TLS handshake, whose octets are not ours, every so many
// are tried.
const handshakeStep = 7

func (s *Server) runWay(t *testing.T, x *Exchange, w way, whole *play) {
	last := whole.sentWords
	if w.inserts {
		last = whole.said
	}
	by := (last + few - 1) / few
	if Full() {
		by = 1
	}
	// Each way begins elsewhere, so that together they try more of them.
	for at := (len(w.name) * 7) % by; at < last; at += by {
		if by == 1 && !w.inserts && whole.shakes(at) && at%handshakeStep != 0 {
			continue
		}
		p := s.run(t, x, w, at)
		p.check()
		if t.Failed() {
			t.Logf("%s at octet %d, after %q:\nheard %q", w.name, at, p.tail(), p.heard)
			return
		}
	}
}

var home = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:1000"))

func pattern(s string) *regexp.Regexp { return regexp.MustCompile("(?m)" + s) }

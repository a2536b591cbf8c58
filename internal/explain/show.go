package explain

import (
	"fmt"
	"strings"
)

// Show is a little script that provokes something live, on the demo's two
// servers. Package show runs it.
type Show struct {
	// ID names the show among all: "550", "451-store".
	ID    string `json:"id"`
	Title Text   `json:"title"`
	Steps []Step `json:"steps"`
	// Ends is what the last reply must begin with.
	Ends string `json:"ends"`
	// Needs names what a server must be like that the demo's are not: "tls-only"
	// (no password without TLS, on loopback neither), "no-certificate". Empty:
	// any server will do.
	Needs string `json:"needs,omitempty"`
}

// Step is one step of a Show. A line of the script is a verb and its argument:
//
//	connect SERVER PORT   open a connection; SERVER is alice or bob, whose
//	                      server it is; PORT is smtp, submission, submissions,
//	                      pop3, pop3s, imap or imaps
//	hello SERVER PORT     connect, be greeted and say EHLO (SMTP)
//	refused SERVER PORT   nobody listens there
//	tls                   shake hands on the connection
//	send LINE             send a line and CRLF
//	again N LINE          send a line N times
//	repeat N LINE         send a line and read its reply, N times
//	expect WORDS          read a whole reply; it must begin with these words
//	fault SERVER PROTOCOL KIND [COMMAND] [CODE]
//	                      have a fault go off once (class.FaultKind has them)
//	down SERVER           take a server down; up SERVER: bring it back
//	queue SERVER WORDS    wait until a message in the server's queue was last
//	                      answered with these words
//	drained SERVER        wait until the server's queue is empty
//	arrives SERVER WORDS  wait until the newest message of the server's user
//	                      has a line that begins with these words
//
// In the lines $ALICE and $BOB are the two addresses, $ALICE_DOMAIN and so on
// their domains, $ALICE_PASSWORD the password; $ALICE_PLAIN is an initial
// response for AUTH PLAIN, $ALICE_USER64 and $ALICE_PASSWORD64 answer AUTH
// LOGIN.
type Step struct {
	Verb string `json:"verb"`
	Arg  string `json:"arg,omitempty"`
}

// ParseSteps reads a script, one step a line.
func ParseSteps(script string) ([]Step, error) {
	var steps []Step
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		verb, arg, _ := strings.Cut(line, " ")
		switch verb {
		case "connect", "refused", "tls", "send", "again", "repeat", "expect", "fault", "down", "up", "queue", "drained", "arrives":
			steps = append(steps, Step{verb, arg})
		case "hello":
			steps = append(steps, Step{"connect", arg}, Step{"expect", "220"}, Step{"send", "EHLO client.example"}, Step{"expect", "250"})
		default:
			return nil, fmt.Errorf("explain: no step %q", verb)
		}
	}
	return steps, nil
}

// Typed is what a person types to play the show in the demo: the program that
// connects, and the lines. False for a show that cannot be typed: it needs a
// fault, a switch, or a password.
func (s *Show) Typed() (lines []string, ok bool) {
	replace := strings.NewReplacer("$ALICE_DOMAIN", "crepes.fr", "$BOB_DOMAIN", "hamburger.edu", "$ALICE", "alice@crepes.fr", "$BOB", "bob@hamburger.edu")
	if s.Needs != "" {
		return nil, false
	}
	for _, step := range s.Steps {
		switch step.Verb {
		case "connect":
			lines = append(lines, dial(step.Arg))
		case "send":
			if strings.Contains(step.Arg, "PASSWORD") || strings.Contains(step.Arg, "PLAIN") || strings.Contains(step.Arg, "64") {
				return nil, false
			}
			lines = append(lines, replace.Replace(step.Arg))
		case "expect":
		default:
			return nil, false
		}
	}
	return lines, true
}

// dial is the program that connects to a port of the demo.
func dial(arg string) string {
	server, port, _ := strings.Cut(arg, " ")
	n := map[string]int{"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993}[port] + 2000
	if server == "bob" {
		n += 1000
	}
	if strings.HasSuffix(port, "s") {
		return fmt.Sprintf("openssl s_client -quiet -crlf -connect 127.0.0.1:%d", n)
	}
	return fmt.Sprintf("telnet 127.0.0.1 %d", n)
}

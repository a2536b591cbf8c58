package transcript

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// echo answers each line with "you said …"; it greets, says nothing to "mute",
// three lines to "three", and after a minute's silence leaves.
func echo(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "hello\r\n")
	r := bufio.NewScanner(c)
	for {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if !r.Scan() {
			break
		}
		switch line := r.Text(); line {
		case "mute":
		case "quit":
			fmt.Fprint(c, "bye\r\n")
			return
		case "three":
			fmt.Fprint(c, "b\r\na 17\r\n..c\r\n.\r\n")
		case "bare":
			fmt.Fprint(c, "x\n")
		default:
			fmt.Fprintf(c, "you said %s\r\n", line)
		}
	}
	if strings.Contains(fmt.Sprint(r.Err()), "timeout") {
		fmt.Fprint(c, "too slow\r\n")
	}
}

func fixture(t *testing.T) *Fixture {
	return &Fixture{
		Dial: func(string) (net.Conn, error) {
			a, b := net.Pipe()
			go echo(a)
			return b, nil
		},
		Hooks: map[string]func(string) (string, error){
			"say":  func(args string) (string, error) { return strings.ReplaceAll(args, "/", "\n"), nil },
			"fail": func(args string) (string, error) { return "", fmt.Errorf("%s", args) },
		},
	}
}

func TestRun(t *testing.T) { Run(t, "testdata/*.txt", fixture) }

// A runner that cannot fail proves nothing.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ steps, want string }{
		{"1 <- hullo", `got "hello", want "hullo"`},
		{"1 <~ h.ll", `got "hello"`},
		{"1 <- hello\n1 -> mute\n1 <- x", "no answer"},
		{"1 <- hello\n1 -> quit\n1 <- bye\n1 <- x", "connection ended"},
		{"1 <- hello\n1 -> three\n1 <* b\n1 <* x\n", `got "a 17", want one of "x"`},
		{"1 <- hello\n1 -> three\n1 <! a .*\n1 <... .", "must not"},
		{"1 <- hello\n1 -> three\n1 <! a .*\n1 -> x", "must not"},
		{"1 <- hello\n1 -> three\n1 <...~ [xyz]+", "no answer"},
		{"1 <- hello\n1 -> bare\n1 <- x", "CRLF"},
		{"1 <- hello\n1 eof", "still open"},
		{"1 eof", "unread"},
		{"1 quiet", "unread"},
		{"1 <- hello\n1 -> three\n1 <@ it\n-- it --\nb\nz\n", `want "z"`},
		{`1 <q "hex"`, `want "hex"`},
		{"1 <- ${nothing}", "no variable"},
		{"1 -> ${size:nothing}", "no block"},
		{"1 <~ (", "missing closing"},
		{"1 ->x y", "not a step"},
		{"1 dance", "no step"},
		{"dance", "no hook"},
		{"fail because", "because"},
		{"say a/b\n= a", "returned"},
		{"advance yes", "invalid duration"},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := play([]byte(c.steps), fixture(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: got %v, want %q", c.steps, err, c.want)
			}
		})
	}
}

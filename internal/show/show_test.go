package show

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"posthorn/internal/explain"
)

// scripted is a stage whose one server answers each line with the next of
// answers, the first being the greeting.
func scripted(answers ...string) *Stage {
	return &Stage{
		Alice: Person{"alice@crepes.fr", "secret"}, Bob: Person{"bob@hamburger.edu", "word"},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			if len(answers) == 0 {
				return nil, errors.New("refused")
			}
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				in := bufio.NewReader(server)
				for _, a := range answers {
					io.WriteString(server, strings.ReplaceAll(a, "\n", "\r\n")+"\r\n")
					if _, err := in.ReadString('\n'); err != nil {
						return
					}
				}
			}()
			return client, nil
		},
	}
}

func script(t *testing.T, ends, steps string) *explain.Show {
	t.Helper()
	parsed, err := explain.ParseSteps(steps)
	if err != nil {
		t.Fatal(err)
	}
	return &explain.Show{ID: "x", Steps: parsed, Ends: ends}
}

func TestPlay(t *testing.T) {
	stage := scripted("220 hi", "250-one\n250 two", "550 5.1.1 no")
	show := script(t, "550 5.1.1", "hello bob smtp\nsend RCPT TO:<$ALICE>, $BOB_DOMAIN, $ALICE_USER64\nexpect 550")
	said, err := stage.Play(t.Context(), show)
	if err != nil {
		t.Fatal(err)
	}
	want := "S: 220 hi|C: EHLO client.example|S: 250-one|S: 250 two|C: RCPT TO:<alice@crepes.fr>, hamburger.edu, YWxpY2VAY3JlcGVzLmZy|S: 550 5.1.1 no"
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("said %s\nwant %s", got, want)
	}
}

// TestPlayFails: a show that does not go as its script says is an error.
func TestPlayFails(t *testing.T) {
	for _, test := range []struct{ steps, ends, want string }{
		{"connect bob smtp\nexpect 554", "", "the answer is"},
		{"connect bob smtp\nexpect 220\nsend NOOP\nexpect 250", "251", "it ends with"},
		{"connect bob smtp\nexpect 220\nsend a\nexpect 250\nsend b\nexpect 250", "", "no reply"},
		{"refused bob smtp", "", "somebody listens"},
		{"send NOOP", "", "not connected"},
		{"expect 220", "", "not connected"},
		{"again x NOOP", "", "invalid syntax"},
	} {
		_, err := scripted("220 hi", "250 ok").Play(t.Context(), script(t, test.ends, test.steps))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.steps, err, test.want)
		}
	}
	for _, steps := range []string{"down bob", "fault bob smtp connect", "queue bob x", "drained bob"} {
		if _, err := scripted().Play(t.Context(), script(t, "", steps)); !errors.Is(err, ErrUnable) {
			t.Errorf("%s: %v", steps, err)
		}
	}
	needy := script(t, "", "connect bob smtp")
	needy.Needs = "the moon"
	if _, err := scripted().Play(t.Context(), needy); !errors.Is(err, ErrUnable) {
		t.Error(err)
	}
}

// TestBringsBack: what a show took down is up again after it, however it ends.
func TestBringsBack(t *testing.T) {
	up := map[string]bool{}
	stage := scripted("220 hi")
	stage.Switch = func(_ context.Context, server string, to bool) error { up[server] = to; return nil }
	if _, err := stage.Play(t.Context(), script(t, "", "down bob\nconnect bob smtp\nexpect 554")); err == nil {
		t.Error("no error")
	}
	if back, was := up["bob"]; !was || !back {
		t.Errorf("%v", up)
	}
}

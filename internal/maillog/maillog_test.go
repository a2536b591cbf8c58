package maillog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/mail"
)

// TestBound refuses ten thousand connections: few lines tell of it, and none is
// lost count of.
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&out, nil)))
		for range 10_000 {
			l.Refused("c-1", "imap", "192.0.2.1", errors.New("too many"))
		}
		if n := strings.Count(out.String(), "\n"); n != refusalsAtOnce {
			t.Errorf("%d lines, want %d", n, refusalsAtOnce)
		}
		l.Rejected("c-1", "smtp", "RCPT", errors.New("no such user"))
		if !strings.Contains(out.String(), "no such user") {
			t.Error("one kind of event keeps another out of the log")
		}
		time.Sleep(time.Second)
		l.Refused("c-2", "imap", "192.0.2.1", errors.New("too many"))
		if want := fmt.Sprintf("conn=c-2 protocol=imap remote=192.0.2.1 reason=\"too many\" unlogged=%d\n", 10_000-refusalsAtOnce); !strings.Contains(out.String(), want) {
			t.Errorf("no %q", want)
		}
	})
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := New(slog.New(slog.NewTextHandler(&out, nil)))
	l.LoggedIn("c-1", "imap", "alice@example.org", "PLAIN", "")
	l.Disconnected("c-1", "imap", nil)
	l.Refused("c-2", "imap", "192.0.2.1", errors.New("too many"))
	env := &mail.Envelope{From: mail.Address{Local: "alice", Domain: "example.org"}, To: []mail.Recipient{{Address: mail.Address{Local: "b c", Domain: "d.e"}}}}
	l.Accepted("c-3", "submission", "m-1", env, 1000, 7)
	env.To = slices.Repeat(env.To, 12)
	l.Accepted("c-3", "submission", "m-2", env, 1000, 0)
	got := out.String()
	for _, want := range []string{
		"msg=accepted conn=c-3 message=m-1 queue=7 from=alice@example.org to=\"\\\"b c\\\"@d.e\" recipients=1 size=1000\n",
		"msg=accepted conn=c-3 message=m-2 from=alice@example.org to=\"" + strings.Repeat("\\\"b c\\\"@d.e ", maxNamed-1) + "\\\"b c\\\"@d.e\" recipients=12 size=1000\n",
		"msg=\"logged in\" conn=c-1 account=alice@example.org mechanism=PLAIN\n",
		"msg=disconnected conn=c-1\n",
		"msg=refused conn=c-2 protocol=imap remote=192.0.2.1 reason=\"too many\"\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	var none *Log
	none.Disconnected("c-1", "imap", nil) // a nil Log drops events
	quiet := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	out.Reset()
	quiet.Disconnected("c-1", "imap", nil)
	if out.Len() > 0 {
		t.Errorf("a quiet log says %q", out.String())
	}
}

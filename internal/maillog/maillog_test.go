package maillog

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := New(slog.New(slog.NewTextHandler(&out, nil)))
	l.LoggedIn("c-1", "alice@example.org", "PLAIN", "")
	l.Disconnected("c-1", nil)
	l.Refused("c-2", "imap", "192.0.2.1", errors.New("too many"))
	got := out.String()
	for _, want := range []string{
		"msg=\"logged in\" conn=c-1 account=alice@example.org mechanism=PLAIN\n",
		"msg=disconnected conn=c-1\n",
		"msg=refused conn=c-2 protocol=imap remote=192.0.2.1 reason=\"too many\"\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	var none *Log
	none.Disconnected("c-1", nil) // a nil Log drops events
	quiet := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	out.Reset()
	quiet.Disconnected("c-1", nil)
	if out.Len() > 0 {
		t.Errorf("a quiet log says %q", out.String())
	}
}

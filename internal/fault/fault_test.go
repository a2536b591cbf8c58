package fault

import (
	"errors"
	"testing"
)

func TestSet(t *testing.T) {
	var none *Set
	if _, ok := none.Hit("a", "smtp", Reply, "RCPT"); ok {
		t.Error("a nil Set has a fault")
	}
	none.Begin("a", "smtp")
	none.End("a")

	var spent []string
	s := &Set{}
	s.Spent = func(f Fault) { spent = append(spent, f.String()) }
	hit := func(session, protocol, kind, command string) int {
		f, ok := s.Hit(session, protocol, kind, command)
		if !ok {
			return 0
		}
		return f.Code
	}
	s.Arm(Fault{ID: 1, Protocol: "smtp", Kind: Reply, Command: "RCPT", Code: 450, Times: 2})
	s.Arm(Fault{ID: 2, Protocol: "smtp", Kind: Reply, Command: "MAIL", Code: 451, NextSession: true})
	for _, c := range []struct {
		session, protocol, command string
		want                       int
	}{
		{"a", "smtp", "DATA", 0}, {"a", "imap", "RCPT", 0}, {"a", "submission", "rcpt", 450}, {"a", "smtp", "MAIL", 0},
		{"a", "smtp", "RCPT", 450}, {"a", "smtp", "RCPT", 0},
	} {
		if got := hit(c.session, c.protocol, Reply, c.command); got != c.want {
			t.Errorf("%v: %d", c, got)
		}
	}
	s.Begin("i", "imap")
	s.Begin("b", "smtp")
	s.Begin("c", "smtp")
	for session, want := range map[string]int{"i": 0, "c": 0, "b": 451} {
		if got := hit(session, "smtp", Reply, "MAIL"); got != want {
			t.Errorf("session %s: %d", session, got)
		}
	}
	s.End("c")
	if len(s.Armed()) != 1 {
		t.Errorf("armed: %v", s.Armed())
	}
	s.End("b")
	if len(s.Armed()) != 0 || len(spent) != 2 || spent[0] != "smtp reply RCPT 450" || spent[1] != "smtp reply MAIL 451" {
		t.Errorf("armed %v, spent %q", s.Armed(), spent)
	}
	for range maxArmed {
		s.Arm(Fault{ID: 3, Protocol: "smtp", Kind: Slow})
	}
	if s.Arm(Fault{Protocol: "smtp", Kind: Slow}) {
		t.Error("one too many is armed")
	}
	if n := len(s.Remove(3)); n != maxArmed {
		t.Errorf("%d removed", n)
	}
}

func TestCheck(t *testing.T) {
	for _, f := range []Fault{
		{Protocol: "smtp", Kind: "explode"}, {Protocol: "pop3", Kind: Reply, Command: "RETR", Code: 450},
		{Protocol: "smtp", Kind: Reply, Command: "RCPT"}, {Protocol: "smtp", Kind: Reply, Command: "RCPT", Code: 250},
		{Protocol: "smtp", Kind: Reply, Command: "MAIL", Code: 450}, // not in its row
		{Protocol: "smtp", Kind: Reply, Command: "QUIT", Code: 450}, {Protocol: "smtp", Kind: Reply, Code: 450},
		{Protocol: "smtp", Kind: Drop, Code: 450}, {Protocol: "smtp", Kind: Slow, Times: -1}, {Protocol: "imap", Kind: Bye, Command: "NOOP"},
	} {
		if err := f.Check(); !errors.Is(err, ErrUnknown) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, k := range Kinds() {
		f := Fault{Protocol: k.Protocol, Kind: k.Kind}
		if k.Commands != nil {
			f.Command = k.Commands[0]
		}
		if k.Codes != nil {
			f.Code = k.Codes[0]
		}
		if err := f.Check(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		if again, err := Parse(f.String()); err != nil || again.String() != f.String() || again.Times != 1 {
			t.Errorf("%q is read as %+v, %v", f.String(), again, err)
		}
	}
	for _, s := range []string{"", "smtp", "smtp reply RCPT", "smtp reply 450 RCPT x", "imap bye NOOP"} {
		if f, err := Parse(s); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q is read as %+v", s, f)
		}
	}
	if f := (Fault{Protocol: "smtp", Kind: Full}); f.Check() != nil || f.Code != 452 {
		t.Errorf("%+v", f)
	}
}

func TestParse(t *testing.T) {
	f, err := Parse("smtp reply RCPT 450")
	if want := (Fault{Protocol: "smtp", Kind: Reply, Command: "RCPT", Code: 450, Times: 1}); err != nil || f != want {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := Parse("smtp"); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
}

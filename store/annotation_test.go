package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// annotated shows annotations, one after the other.
func annotated(t *testing.T, s *Store, id AccountID, mb MailboxID) string {
	t.Helper()
	list, err := s.Annotations(t.Context(), id, mb)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintf("%s=%q", a.Entry, a.Value))
	}
	return strings.Join(out, " ")
}

func TestAnnotations(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a")
	a, in := mailboxOf(t, s, id, "a"), mailboxOf(t, s, id, inbox)
	set := func(mb MailboxID, want error, list ...Annotation) {
		t.Helper()
		if err := s.SetAnnotations(t.Context(), id, mb, list); !errors.Is(err, want) {
			t.Errorf("set: %v, want %v", err, want)
		}
	}
	set(a.ID, nil, Annotation{"/private/comment", []byte("x\x00\r\ny")}, Annotation{"/shared/comment", []byte{}})
	set(in.ID, nil, Annotation{"/private/comment", []byte("in")})
	set(0, nil, Annotation{"/private/vendor/x/y", []byte("all")})
	if got := annotated(t, s, id, a.ID); got != `/private/comment="x\x00\r\ny" /shared/comment=""` {
		t.Error(got)
	}
	// All or nothing; and a nil value removes.
	set(a.ID, mail.ErrTooLarge, Annotation{"/private/comment", nil}, Annotation{"/private/z", make([]byte, MaxAnnotation+1)})
	set(a.ID, mail.ErrInvalid, Annotation{"/private/comment", nil}, Annotation{"/private/Z", []byte("z")})
	set(a.ID, nil, Annotation{"/private/comment", nil}, Annotation{"/private/gone", nil}, Annotation{"/shared/comment", []byte("z")})
	if got := annotated(t, s, id, a.ID); got != `/shared/comment="z"` {
		t.Error(got)
	}
	// RENAME carries them, of INBOX too, which keeps its own; DELETE drops them.
	for _, r := range [][2]string{{"a", "b"}, {inbox, "old"}} {
		if err := s.RenameMailbox(t.Context(), id, r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	old := mailboxOf(t, s, id, "old")
	for mb, want := range map[MailboxID]string{a.ID: `/shared/comment="z"`, in.ID: `/private/comment="in"`, old.ID: `/private/comment="in"`, 0: `/private/vendor/x/y="all"`} {
		if got := annotated(t, s, id, mb); got != want {
			t.Errorf("%d: %s, want %s", mb, got, want)
		}
	}
	by, err := s.MailboxAnnotations(t.Context(), id)
	if err != nil || len(by) != 3 || string(by[a.ID][0].Value) != "z" || len(by[in.ID]) != 1 {
		t.Errorf("%v %v", by, err)
	}
	if err := s.DeleteMailbox(t.Context(), id, "b"); err != nil {
		t.Fatal(err)
	}
	if got := annotated(t, s, id, a.ID); got != "" {
		t.Errorf("after the deletion: %s", got)
	}
	set(a.ID, mail.ErrNoSuchMailbox, Annotation{"/private/comment", []byte("x")})
	if err := s.DeleteAccount(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// TestSpecialUseIsAnnotated: one mailbox has it at a time (RFC 6154 §4).
func TestSpecialUseIsAnnotated(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a")
	if _, err := s.CreateMailbox(t.Context(), id, "sent", `\Sent`); err != nil {
		t.Fatal(err)
	}
	sent, a, in := mailboxOf(t, s, id, "sent"), mailboxOf(t, s, id, "a"), mailboxOf(t, s, id, inbox)
	for _, step := range []struct {
		mb    MailboxID
		value string
		err   error
		want  string // the uses of sent and a
	}{
		{a.ID, `\Trash`, nil, `\Sent \Trash`},
		{a.ID, `\Sent`, nil, ` \Sent`},
		{a.ID, `\Sent`, nil, ` \Sent`},
		{a.ID, `\Frob`, mail.ErrInvalid, ` \Sent`},
		{in.ID, `\Sent`, mail.ErrInvalid, ` \Sent`},
		{0, `\Sent`, nil, ` \Sent`}, // of the account it is an entry as any
		{a.ID, "", nil, " "},
	} {
		err := s.SetAnnotations(t.Context(), id, step.mb, []Annotation{{SpecialUseEntry, []byte(step.value)}})
		if !errors.Is(err, step.err) {
			t.Errorf("%d %s: %v", step.mb, step.value, err)
		}
		if got := mailboxOf(t, s, id, "sent").SpecialUse + " " + mailboxOf(t, s, id, "a").SpecialUse; got != step.want {
			t.Errorf("%d %s: %s, want %s", step.mb, step.value, got, step.want)
		}
	}
	if err := s.SetAnnotations(t.Context(), id, sent.ID, []Annotation{{SpecialUseEntry, []byte(`\Sent`)}, {"/shared/comment", []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	want := `/private/specialuse="\\Sent" /shared/comment="x"`
	by, err := s.MailboxAnnotations(t.Context(), id)
	if got := annotated(t, s, id, sent.ID); got != want || err != nil || len(by[sent.ID]) != 2 || len(by[a.ID]) != 0 {
		t.Errorf("%s, want %s; %v %v", got, want, by, err)
	}
}

// TestAnnotationsAreBounded: in number for a mailbox, in octets for an account.
func TestAnnotationsAreBounded(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a")
	a := mailboxOf(t, s, id, "a")
	var list []Annotation
	for i := range maxAnnotations {
		list = append(list, Annotation{fmt.Sprintf("/private/%d", i), []byte("x")})
	}
	if err := s.SetAnnotations(t.Context(), id, a.ID, list); err != nil {
		t.Fatal(err)
	}
	one := []Annotation{{"/private/more", []byte("x")}}
	if err := s.SetAnnotations(t.Context(), id, a.ID, one); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("one more: %v", err)
	}
	if err := s.SetAnnotations(t.Context(), id, a.ID, append(one, Annotation{"/private/1", nil})); err != nil {
		t.Errorf("one for another: %v", err)
	}
	for i := range list {
		list[i].Value = make([]byte, MaxAnnotation)
	}
	if err := s.SetAnnotations(t.Context(), id, 0, list[:maxAnnotated/MaxAnnotation]); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("too much in all: %v", err)
	}
	if err := s.SetAnnotations(t.Context(), id, 0, list[:maxAnnotated/MaxAnnotation-1]); err != nil {
		t.Error(err)
	}
}

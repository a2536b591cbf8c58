package store

import (
	"errors"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// replace is an action of the model test.
func (m *model) replace() {
	_, from := m.pick()
	_, to := m.pick()
	uid := 1 + mail.UID(m.r.IntN(int(from.next)+1))
	octets := "Subject: x\r\n\r\n" + randomOctets(m.r, m.r.IntN(3000))
	c := Copy{Account: m.account, Mailbox: to.id, Flags: m.flags()}
	body := writeBody(m.t, m.s, octets)
	want := error(mail.ErrNotFound)
	old := from.taken(mail.UIDSet{{From: uid, To: uid}})
	if len(old) > 0 {
		use := m.usage()
		more := int64(len(octets) - len(old[0].Octets))
		use.Bytes += more
		if want = nil; more > 0 && use.exceeds(m.quota) {
			want = mail.ErrOverQuota
		}
	}
	a, left, err := m.s.Replace(m.t.Context(), from.id, uid, Delivery{Body: body, Copies: []Copy{c}})
	if !m.want("replace", err, want) {
		body.Abort()
		return
	}
	if a.Placed[0].UID != to.next {
		m.t.Errorf("the replacement got UID %d, want %d", a.Placed[0].UID, to.next)
	}
	if placed := a.Placed[0].ModSeq; left >= placed || placed != m.modSeqIf(true, to) {
		m.t.Errorf("the old message left with MODSEQ %d, the replacement came with %d", left, placed)
	}
	from.remove(old)
	to.add(octets, c.Flags.String())
}

// upload is an action of the model test: several messages, all or nothing.
func (m *model) upload() {
	_, b := m.pick()
	var ds []Delivery
	var add []modelMessage
	for range 2 + m.r.IntN(3) {
		octets := "Subject: x\r\n\r\n" + randomOctets(m.r, m.r.IntN(3000))
		d := Delivery{Body: writeBody(m.t, m.s, octets), Copies: []Copy{{Account: m.account, Mailbox: b.id, Flags: m.flags()}}}
		if _, err := d.Body.Park(m.r.IntN(4000)); err != nil {
			m.t.Fatal(err)
		}
		ds, add = append(ds, d), append(add, modelMessage{Octets: octets, Flags: d.Copies[0].Flags.String()})
	}
	_, err := m.s.Accept(m.t.Context(), ds...)
	if !m.want("upload", err, m.room(add)) {
		for _, d := range ds {
			d.Body.Abort()
		}
		return
	}
	for _, a := range add {
		b.add(a.Octets, a.Flags)
	}
}

// TestPark: what messages that wait for others hold is counted, bounded, and
// given back.
func TestPark(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	octets := "Subject: x\r\n\r\n" + strings.Repeat("all sorts of things\r\n", 10_000)
	park := func(keep int) (*Body, int) {
		b := writeBody(t, s, octets)
		held, err := b.Park(keep)
		if err != nil {
			t.Fatal(err)
		}
		return b, held
	}
	first, held := park(1 << 20)
	second, rest := park(0)
	if first.staged != 0 || second.staged == 0 || rest >= held || s.held.Load() != int64(held+rest) {
		t.Errorf("%d and %d octets are held, %d counted", held, rest, s.held.Load())
	}
	third, _ := park(0)
	third.Abort()
	to := []Copy{{Account: id}}
	if _, err := s.Accept(t.Context(), Delivery{Body: first, Copies: to}, Delivery{Body: second, Copies: to}); err != nil {
		t.Fatal(err)
	}
	if n := s.held.Load(); n != 0 {
		t.Errorf("%d octets are counted after the end", n)
	}
	for _, m := range list(t, s, inboxOf(t, s, id).ID, everything, 0) {
		if m.Size != int64(len(octets)) {
			t.Errorf("%d octets are kept, of %d", m.Size, len(octets))
		}
	}
	s.held.Store(heldFull)
	b := writeBody(t, s, "Subject: x\r\n\r\nsmall\r\n")
	if _, err := b.Park(1 << 20); !errors.Is(err, mail.ErrUnavailable) {
		t.Errorf("while others hold too much: %v", err)
	}
	b.Abort()
	s.held.Store(0)
}

// TestReplaceQuota: only the difference counts, and less always fits.
func TestReplaceQuota(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	inbox := inboxOf(t, s, id).ID
	deliver(t, s, "Subject: x\r\n\r\n12345", Copy{Account: id})
	put := func(uid mail.UID, text string) error {
		b := writeBody(t, s, "Subject: x\r\n\r\n"+text)
		defer b.Abort()
		_, _, err := s.Replace(t.Context(), inbox, uid, Delivery{Body: b, Copies: []Copy{{Account: id, Mailbox: inbox}}})
		return err
	}
	for _, step := range []struct {
		quota Quota
		uid   mail.UID
		text  string
		want  error
	}{
		{Quota{Messages: 1, Bytes: 20}, 1, "123456", nil},
		{Quota{Messages: 1, Bytes: 20}, 2, "1234567", mail.ErrOverQuota},
		{Quota{Messages: 1, Bytes: 20}, 1, "1", mail.ErrNotFound},
		{Quota{Bytes: 1}, 2, "12345", nil},
	} {
		if err := s.SetQuota(t.Context(), id, step.quota); err != nil {
			t.Fatal(err)
		}
		if err := put(step.uid, step.text); !errors.Is(err, step.want) {
			t.Errorf("%+v: %v", step, err)
		}
	}
	if got := inboxOf(t, s, id); got.Messages != 1 || got.Bytes != 19 {
		t.Errorf("%+v", got)
	}
}

package store

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
)

// A listing of any set, in batches or not, gives what is in it and no more.
func TestMessagesBySet(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	const n = narrowRows + 3*maxRows + 17
	var ds []Delivery
	for i := range n {
		flags := []mail.Flags{{}, mail.NewFlags("a"), mail.NewFlags("a", "b", `\Seen`, `\Draft`)}[i%3]
		ds = append(ds, Delivery{Body: writeBody(t, s, someMessage), Copies: []Copy{{Account: id, Flags: flags}}})
	}
	if _, err := s.Accept(t.Context(), ds...); err != nil {
		t.Fatal(err)
	}
	mb := inboxOf(t, s, id).ID
	var odd, singles mail.UIDSet
	for uid := mail.UID(1); uid <= n; uid += 2 {
		odd.Add(uid)
	}
	singles = mail.UIDs(1, 3, maxRows, maxRows+2, n, n+5)
	for _, set := range []mail.UIDSet{nil, everything, odd, singles, {{From: maxRows, To: 2 * maxRows}}, {{From: n, To: maxUID}}, {{From: maxUID, To: maxUID}}, {{From: 1, To: maxRows}, {From: maxRows + 2, To: 2*maxRows + 1}}} {
		var got, want []mail.UID
		full, narrow := list(t, s, mb, set, 0), list(t, s, mb, set, Brief)
		if table := collect(t, s.rows(t.Context(), mb, set, Brief)); !reflect.DeepEqual(narrow, table) {
			t.Errorf("set %.40s: Brief gives other rows from the table", set)
		}
		for _, want := range []Want{WantEnvelope, WantStructure | WantEnvelope, WantHeader} {
			brief, long := list(t, s, mb, set, Brief|want), list(t, s, mb, set, want)
			for i := range long {
				m := &long[i]
				m.Saved, m.Sent = time.Time{}, time.Time{}
				if want&WantHeader == 0 {
					m.Trace = nil
				}
			}
			if !reflect.DeepEqual(brief, long) {
				t.Errorf("set %.40s: Brief with %d differs", set, want)
			}
		}
		for i, m := range full {
			got = append(got, m.UID)
			m.Saved, m.Sent = time.Time{}, time.Time{}
			if i >= len(narrow) || !reflect.DeepEqual(m, narrow[i]) {
				t.Errorf("set %.40s: Brief differs at %+v", set, m)
				break
			}
		}
		if len(full) != len(narrow) {
			t.Errorf("set %.40s: Brief gives %d messages, not %d", set, len(narrow), len(full))
		}
		for uid := mail.UID(1); uid <= n; uid++ {
			if set.Contains(uid) {
				want = append(want, uid)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("set %.40s: got %d messages, want %d", set, len(got), len(want))
		}
	}
	for i := range 3 { // it can be left at any time
		for m, err := range s.Messages(t.Context(), mb, everything, WantHeader) {
			if err != nil {
				t.Fatal(err)
			}
			if m.UID > mail.UID(i*maxRows) {
				break
			}
		}
	}
}

func TestMessagesColumns(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	const head = "From: a@b\r\nDate: Sat, 3 Feb 2001 04:05:06 +0700\r\nSubject: one\r\n\r\n"
	deliver(t, s, head+"body", Copy{Account: id, Trace: []byte("T: 1\r\n"), Flags: mail.NewFlags("k", `\Flagged`)})
	mb := inboxOf(t, s, id).ID
	for _, want := range []Want{0, WantEnvelope, WantStructure, WantHeader, WantEnvelope | WantStructure | WantHeader} {
		m := list(t, s, mb, everything, want)[0]
		if m.UID != 1 || string(m.Trace) != "T: 1\r\n" || m.Flags.String() != `\Flagged k` || m.Size != int64(len(head)+10) ||
			m.Sent.Format(time.RFC3339) != "2001-02-03T04:05:06+07:00" || m.Saved.IsZero() || m.Date.IsZero() {
			t.Errorf("want %b: %+v", want, m)
		}
		if has := strings.Contains(string(m.Envelope), `"one"`); has != (want&WantEnvelope != 0) {
			t.Errorf("want %b: envelope %q", want, m.Envelope)
		}
		if has := strings.Contains(strings.ToLower(string(m.Structure)), `"plain"`); has != (want&WantStructure != 0) {
			t.Errorf("want %b: structure %q", want, m.Structure)
		}
		if has := string(m.Header) == head; has != (want&WantHeader != 0) {
			t.Errorf("want %b: header %q", want, m.Header)
		}
	}
}

func TestZonedTimeKeepsMomentAndZone(t *testing.T) {
	z := zones{}
	for _, text := range []string{
		"1970-01-01T00:00:00Z", "2026-11-22T05:19:36+07:00", "1969-12-31T23:59:59-11:30",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2000-02-29T12:00:00-00:01",
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := z.time(zonedTime(at)).Format(time.RFC3339); got != text {
			t.Errorf("%s came back as %s", text, got)
		}
	}
	odd := time.Date(2000, 1, 1, 0, 0, 0, 0, time.FixedZone("", 99*3600))
	if got := z.time(zonedTime(odd)); !got.Equal(odd) {
		t.Errorf("%v in an odd zone came back as %v", odd, got)
	}
	if zonedTime(odd) >= zonedTime(odd.Add(time.Second).UTC()) {
		t.Error("they do not sort by the moment")
	}
}

// ENVELOPEs that were made to be large come a few at a time, and none is left out.
func TestMessagesWithLargeEnvelopes(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, id).ID
	const n = 12
	for range n {
		deliver(t, s, "To: "+strings.Repeat("a,", 20000)+"\r\n\r\n", Copy{Account: id})
	}
	indexed(t, s, mb)
	for _, want := range []Want{WantEnvelope, Brief | WantEnvelope} {
		for _, set := range []mail.UIDSet{everything, {{From: 1, To: 4}, {From: 6, To: n}}} {
			var uids mail.UIDSet
			for m, err := range s.Messages(t.Context(), mb, set, want) {
				if err != nil || len(m.Envelope) < maxListed/4 {
					t.Fatalf("%d octets of ENVELOPE, %v", len(m.Envelope), err)
				}
				uids.Add(m.UID)
			}
			if all := set.Intersect(mail.UIDSet{{From: 1, To: n}}); !slices.Equal(uids, all) {
				t.Errorf("want %d: %s of %s", want, uids, all)
			}
		}
	}
	l := lister{want: WantEnvelope, scan: rowScanner{zones: zones{}}}
	if err := s.readOne(t.Context(), func(tx *readTx) error { return l.fill(tx, mb, everything) }); err != nil {
		t.Fatal(err)
	}
	if len(l.rows) == 0 || len(l.octets) > 2*maxListed {
		t.Errorf("%d rows at once, of %d octets", len(l.rows), len(l.octets))
	}
}

// What is expunged while somebody reads it is told to be gone, never damaged.
func TestContentExpungedWhileRead(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	a := deliver(t, s, "A: b\r\n\r\n"+strings.Repeat("x", 5*chunkSize), Copy{Account: id})
	c, err := s.Content(t.Context(), a.Content)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Expunge(t.Context(), a.Placed[0].Mailbox, everything, true); err != nil {
		t.Fatal(err)
	}
	sweepTest(t, s)
	if err := c.WriteRange(io.Discard, 0, c.Size()); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("WriteRange: %v", err)
	}
	if _, err := c.Root(); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("Root: %v", err)
	}
	if _, err := s.Content(t.Context(), a.Content); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("Content: %v", err)
	}
}

func TestContentDamageIsNotServed(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, s *Store){
		"flipped bit":   flipInChunk,
		"missing chunk": func(t *testing.T, s *Store) { damage(t, s, "DELETE FROM chunks") },
		"other octets": func(t *testing.T, s *Store) {
			damage(t, s, "UPDATE chunks SET data = ?", s.blobs.encode([]byte("shorn")).data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), Config{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			id := addUser(t, s, "alice@crepes.fr")
			a := deliver(t, s, "A: b\r\n\r\nshort", Copy{Account: id})
			do(t, s)
			p := a.Placed[0]
			batch, err := s.OpenBatch(t.Context(), p.Mailbox, p.UID, p.UID, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer batch.Close()
			_, opened := batch.Message(p.UID)
			c, err := s.Content(t.Context(), a.Content)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := s.WholeContent(t.Context(), a.Content)
			if err != nil {
				t.Fatal(err)
			}
			for how, c := range map[string]*Content{"alone": c, "whole": whole, "in a batch": opened} {
				var out strings.Builder
				if err := c.WriteRange(&out, 0, c.Size()); !errors.Is(err, mail.ErrCorrupt) || len(out.String()) > len("A: b\r\n\r\n") {
					t.Errorf("%s: %v, and %q went out", how, err, out.String())
				}
			}
		})
	}
}

// flipInChunk changes one bit of the one chunk there is.
func flipInChunk(t *testing.T, s *Store) {
	t.Helper()
	var data []byte
	err := s.read(t.Context(), func(tx *readTx) error { return tx.row("SELECT data FROM chunks").Scan(&data) })
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 4
	damage(t, s, "UPDATE chunks SET data = ?", data)
}

func TestKeywordLimits(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	deliver(t, s, someMessage, Copy{Account: id, Flags: mail.NewFlags("$Junk")})
	mb := inboxOf(t, s, id).ID
	set := func(names ...string) ([]FlagResult, error) {
		done, _, err := s.SetFlags(t.Context(), mb, everything, FlagsAdd, mail.NewFlags(names...), Unconditionally)
		return done, err
	}
	// A keyword is written as it was the first time.
	if done, err := set("$JUNK", "other"); err != nil || done[0].Flags.String() != "$Junk other" {
		t.Errorf("%v %v", done, err)
	}
	for _, bad := range []string{"a b", "a(", "a\x00", "é", strings.Repeat("x", maxKeyword+1)} {
		if _, err := set(bad); !errors.Is(err, mail.ErrInvalid) {
			t.Errorf("keyword %q: %v", bad, err)
		}
	}
	var many []string
	for i := range maxKeywords {
		many = append(many, fmt.Sprint("k", i))
	}
	if _, err := set(many...); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("too many: %v", err)
	}
	if n := len(inboxOf(t, s, id).Keywords); n != 2 {
		t.Errorf("%d keywords are noted", n)
	}
}

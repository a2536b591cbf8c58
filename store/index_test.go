package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"posthorn/internal/mail"
)

// checkIndexes compares the indexes with the tables; every test of this package
// ends with it.
func checkIndexes(t testing.TB, s *Store) {
	t.Helper()
	s.indexes.mu.Lock()
	var all []*index
	for _, i := range s.indexes.by {
		all = append(all, i)
	}
	s.indexes.mu.Unlock()
	for _, i := range all {
		if !i.current(context.Background()) {
			continue // its mailbox is gone
		}
		got := slices.Clone(i.entries)
		lists, deleted := i.lists, i.deleted
		i.mu.Unlock()
		want := collect(t, s.rows(context.Background(), i.mailbox, everything, Brief|withSent))
		if len(got) != len(want) {
			t.Errorf("the index of mailbox %d has %d messages, not %d", i.mailbox, len(got), len(want))
			continue
		}
		for n, e := range got {
			deleted -= e.deleted()
			m := Message{UID: e.uid, Content: e.content, ModSeq: e.modseq, Date: zones{}.time(e.date), Size: int64(e.size),
				Flags: mail.Flags{System: e.system, Keywords: lists[e.keywords]}}
			if e.sent != 0 {
				m.Sent = zones{}.time(e.sent)
			}
			if !reflect.DeepEqual(m, want[n]) {
				t.Errorf("the index of mailbox %d has %+v, not %+v", i.mailbox, m, want[n])
				break
			}
		}
		if deleted != 0 && !t.Failed() {
			t.Errorf("the index of mailbox %d counts %d too many as deleted", i.mailbox, deleted)
		}
	}
}

func indexed(t *testing.T, s *Store, mb MailboxID) *index {
	t.Helper()
	list(t, s, mb, everything, Brief)
	i := s.indexes.get(mb)
	if i == nil {
		t.Fatal("the mailbox is not indexed")
	}
	return i
}

func deliverMany(t testing.TB, s *Store, id AccountID, mb MailboxID, n int) {
	t.Helper()
	for range n {
		deliver(t, s, someMessage, Copy{Account: id, Mailbox: mb})
	}
}

// What is listed after a change was answered shows it, at any moment, whoever
// else lists or changes meanwhile.
func TestIndexIsNeverLate(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, id).ID
	const n = 100
	deliverMany(t, s, id, mb, n)
	indexed(t, s, mb)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for round := range 30 {
				uid := mail.UID(1 + w)
				keyword := fmt.Sprintf("k%d-%d", w, round)
				if _, _, err := s.SetFlags(t.Context(), mb, mail.UIDs(uid), FlagsReplace, mail.NewFlags(keyword), Unconditionally); err != nil {
					t.Error(err)
				}
				a := deliver(t, s, someMessage, Copy{Account: id, Mailbox: mb})
				if _, _, err := s.Expunge(t.Context(), mb, mail.UIDs(mail.UID(n-w)), false); err != nil {
					t.Error(err)
				}
				flags, arrived := "", false
				for _, m := range list(t, s, mb, everything, Brief) {
					if m.UID == uid {
						flags = m.Flags.String()
					}
					arrived = arrived || m.Content == a.Content
				}
				if flags != keyword || !arrived {
					t.Errorf("worker %d, round %d: flags %q, new message: %v", w, round, flags, arrived)
				}
			}
		})
	}
	wg.Wait()
}

// An index holds so many messages in all; what is not indexed is listed from
// the table, also where an index is dropped in the middle of a listing.
func TestIndexesAreBounded(t *testing.T) {
	s := openTest(t)
	s.indexes.most = 25
	id := addUser(t, s, "alice@crepes.fr")
	boxes := []MailboxID{inboxOf(t, s, id).ID, mailboxOf(t, s, id, "Archive").ID, mailboxOf(t, s, id, "Trash").ID}
	for _, mb := range boxes {
		deliverMany(t, s, id, mb, 10)
	}
	first := indexed(t, s, boxes[0])
	indexed(t, s, boxes[1])
	n := 0
	for _, err := range s.Messages(t.Context(), boxes[0], everything, Brief) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			s.indexes.forget(first)
		}
	}
	if n != 10 {
		t.Errorf("%d messages when the index is dropped in the middle, not 10", n)
	}
	indexed(t, s, boxes[0])
	indexed(t, s, boxes[2])
	if s.indexes.get(boxes[1]) != nil {
		t.Error("the index that was not used for longest is still there")
	}
	deliverMany(t, s, id, boxes[0], 6) // too many with the other
	if n := len(list(t, s, boxes[0], everything, Brief)); n != 16 {
		t.Errorf("%d messages, not 16", n)
	}
	if s.indexes.get(boxes[2]) != nil {
		t.Error("an index that grew did not push out the other")
	}
	deliverMany(t, s, id, boxes[1], 20) // too many alone
	if n := len(list(t, s, boxes[1], everything, Brief)); n != 30 || s.indexes.get(boxes[1]) != nil {
		t.Errorf("%d messages, indexed: %v", n, s.indexes.get(boxes[1]) != nil)
	}
}

// A listing that is given up leaves an index that goes on; a mailbox that is
// deleted leaves none.
func TestIndexOutlivesFaults(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := mailboxOf(t, s, id, "Archive").ID
	deliverMany(t, s, id, mb, 10)
	indexed(t, s, mb)
	deliverMany(t, s, id, mb, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Messages(gone, mb, everything, Brief) {
		if err == nil {
			t.Error("a listing whose context has ended went on")
		}
	}
	if n := len(list(t, s, mb, everything, Brief)); n != 11 || s.indexes.get(mb) == nil {
		t.Errorf("%d messages, not 11; indexed: %v", n, s.indexes.get(mb) != nil)
	}
	if err := s.DeleteMailbox(t.Context(), id, "Archive"); err != nil {
		t.Fatal(err)
	}
	if uids, _, err := s.UIDList(t.Context(), mb); err == nil {
		t.Errorf("a deleted mailbox has %d messages", len(uids))
	}
	if s.indexes.get(mb) != nil {
		t.Error("a deleted mailbox is indexed")
	}
}

// A listing whose last batch is empty, since what is asked for then was expunged,
// does not hand out the one before again: who makes sort keys of it would meet
// messages that it is done with.
func TestIndexedListingEndsEmpty(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := mailboxOf(t, s, id, "Archive").ID
	deliverMany(t, s, id, mb, maxRows)
	indexed(t, s, mb)
	set := mail.UIDSet{{From: 1, To: maxRows + 1}}
	for _, want := range []Want{Brief, Brief | WantEnvelope} {
		if n := len(list(t, s, mb, set, want)); n != maxRows {
			t.Errorf("want %d: %d messages, not %d", want, n, maxRows)
		}
	}
	var batch []sortable
	var places []int
	for uid := range set.All() {
		places = append(places, len(batch))
		batch = append(batch, sortable{hit: SearchHit{UID: uid}, content: 1})
	}
	rows, err := s.makeSomeKeys(t.Context(), mb, batch, places, keyColumns{})
	if err != nil || len(rows) != maxRows || batch[maxRows].content != 0 {
		t.Errorf("keys of %d messages, not %d; %v", len(rows), maxRows, err)
	}
}

// A mailbox with more different keywords than an index may hold is listed from
// the table.
func TestIndexOfKeywordsIsBounded(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := mailboxOf(t, s, id, "Archive").ID
	words := make([]string, maxKeywords)
	for i := range words {
		words[i] = fmt.Sprintf("k%0*d", maxKeyword-1, i)
	}
	const n = maxKeywordOctets/(maxKeywords*maxKeyword) + 2
	deliverMany(t, s, id, mb, n)
	indexed(t, s, mb)
	for uid := range mail.UID(n) {
		flags := mail.NewFlags(slices.Delete(slices.Clone(words), int(uid), int(uid)+1)...)
		if _, _, err := s.SetFlags(t.Context(), mb, mail.UIDs(uid+1), FlagsReplace, flags, Unconditionally); err != nil {
			t.Fatal(err)
		}
	}
	listed := list(t, s, mb, everything, Brief)
	if s.indexes.get(mb) != nil || !reflect.DeepEqual(listed, collect(t, s.rows(t.Context(), mb, everything, Brief))) {
		t.Errorf("indexed: %v, or listed otherwise than the table", s.indexes.get(mb) != nil)
	}
}

// EXPUNGE removes what is flagged, all of it and nothing else, with an index that
// tells it where to look and without one.
func TestExpungeByIndex(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, id).ID
	deliverMany(t, s, id, mb, 40)
	for _, tt := range []struct {
		indexed    bool
		flagged    mail.UIDSet
		set        mail.UIDSet
		look, gone string
	}{
		{true, mail.UIDs(3, 5, 6, 40), mail.UIDSet{{From: 4, To: 39}}, "5:6", "5:6"},
		{true, nil, everything, "3,40", "3,40"},
		{true, mail.UIDs(1, 2, 4, 38), everything, "1:2,4,38", "1:2,4,38"},
		{true, nil, everything, "", ""},
		{false, mail.UIDs(7, 39), everything, everything.String(), "7,39"},
		{false, nil, everything, everything.String(), ""},
	} {
		i := indexed(t, s, mb)
		if !tt.indexed {
			s.indexes.forget(i)
		}
		if _, _, err := s.SetFlags(t.Context(), mb, tt.flagged, FlagsAdd, mail.Flags{System: mail.Deleted}, Unconditionally); err != nil {
			t.Fatal(err)
		}
		if got := s.deletedOf(t.Context(), mb, tt.set); got.String() != tt.look {
			t.Errorf("%+v: looks at %s", tt, got)
		}
		gone, _, err := s.Expunge(t.Context(), mb, tt.set, false)
		if err != nil || gone.String() != tt.gone {
			t.Errorf("%+v: %s is gone, %v", tt, gone, err)
		}
	}
}

package ledger

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// operate does one thing at random.
func (r *Reader) operate() error {
	validity := r.pick()
	b := r.boxes[validity]
	if len(b.mail) > 2*max(r.Keep, 20) {
		return r.expunge(validity)
	}
	switch n := rand.IntN(20); {
	case n < 5 && b.name != "INBOX": // whose UIDs come in the order in which others deliver
		return r.append(validity)
	case n < 8:
		return r.store(validity)
	case n < 10:
		return r.copy(validity, false)
	case n < 12:
		return r.copy(validity, true)
	case n < 15:
		return r.expunge(validity)
	case n == 15:
		return r.create()
	case n == 16:
		return r.delete()
	case n == 17:
		return r.rename()
	case n == 18:
		return r.search(validity)
	}
	return r.list()
}

// pick chooses a mailbox; INBOX often, where its mail is taken note of first.
func (r *Reader) pick() uint32 {
	names := r.own()
	if r.INBOX && rand.IntN(3) == 0 {
		return r.names["INBOX"]
	}
	return r.names[names[rand.IntN(len(names))]]
}

// some opens a mailbox and chooses messages: none, if it is empty.
func (r *Reader) some(validity uint32) ([]imap.UID, error) {
	if err := r.open(validity); err != nil {
		return nil, err
	}
	b := r.boxes[validity]
	if b.name == "INBOX" {
		if err := r.arrivals(validity); err != nil {
			return nil, err
		}
	}
	uids := slices.Sorted(maps.Keys(b.mail))
	rand.Shuffle(len(uids), func(i, j int) { uids[i], uids[j] = uids[j], uids[i] })
	uids = uids[:min(len(uids), 1+rand.IntN(4))]
	slices.Sort(uids)
	return uids, nil
}

// arrivals takes note of what others have delivered.
func (r *Reader) arrivals(validity uint32) error {
	b := r.boxes[validity]
	last := b.highest()
	return fetchBodies(r.client, imap.UIDSet{{Start: last + 1, Stop: 0}}, func(uid imap.UID, octets []byte, flags string) error {
		if uid <= last { // * is the last message, however low
			return nil
		}
		found, whole := bodyOf(octets)
		if !whole {
			return &wrongAnswer{fmt.Sprintf("%s: UID %d (%s) has other octets than were sent", b.name, uid, found.id)}
		}
		return r.Ledger.note(func() {
			b.bodies[uid], b.mail[uid] = found, flags
			b.numbers(uid+1, 0)
			r.Ledger.see(found.id)
		})
	})
}

var words = []imap.Flag{imap.FlagSeen, imap.FlagFlagged, imap.FlagAnswered, "$label1", "work"}

func (r *Reader) append(validity uint32) error {
	b := r.boxes[validity]
	size := 300 + rand.IntN(max(r.MaxSize, 8000))
	m := r.Ledger.Letter(size, r.Local)
	data := m.Data()
	what, _ := bodyOf(data)
	flags := []imap.Flag{words[rand.IntN(len(words))]}
	r.doubt = doubt{to: validity, added: map[body]int{what: 1}}
	cmd := r.client.Append(b.name, int64(len(data)), &imap.AppendOptions{Flags: flags})
	cmd.Write(data)
	cmd.Close()
	told, err := cmd.Wait()
	if err != nil {
		return answered("APPEND", err)
	}
	return r.placed(told.UIDValidity, []imap.UID{told.UID}, []body{what}, []string{flagString(flags)}, nil)
}

// placed notes messages that were put into a mailbox under UIDs that were told;
// besides notes what else that means.
func (r *Reader) placed(validity uint32, uids []imap.UID, bodies []body, flags []string, besides func()) error {
	var wrong error
	err := r.Ledger.note(func() {
		b := r.boxes[validity]
		if b == nil || len(uids) != len(bodies) {
			wrong = &wrongAnswer{fmt.Sprintf("%d messages became UIDs %v under UIDVALIDITY %d", len(bodies), uids, validity)}
			return
		}
		for i, uid := range uids {
			if uid < b.uidNext {
				wrong = &wrongAnswer{fmt.Sprintf("%s: UID %d was given after UIDNEXT %d", b.name, uid, b.uidNext)}
			}
			b.bodies[uid], b.mail[uid] = bodies[i], flags[i]
			b.numbers(uid+1, 0)
		}
		if besides != nil {
			besides()
		}
		r.doubt = doubt{}
	})
	if wrong != nil {
		return wrong
	}
	return err
}

func (r *Reader) store(validity uint32) error {
	uids, err := r.some(validity)
	if err != nil || len(uids) == 0 {
		return err
	}
	b := r.boxes[validity]
	r.doubt = doubt{from: validity, uids: uids, flagged: true}
	op := []imap.StoreFlagsOp{imap.StoreFlagsAdd, imap.StoreFlagsDel, imap.StoreFlagsSet}[rand.IntN(3)]
	list, err := r.client.Store(imap.UIDSetNum(uids...), &imap.StoreFlags{Op: op, Flags: []imap.Flag{words[rand.IntN(len(words))]}}, nil).Collect()
	if err != nil {
		return answered("UID STORE", err)
	}
	// What did not change isn't told: ask.
	told := map[imap.UID]string{}
	list, err = r.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, Flags: true, ModSeq: true}).Collect()
	if err != nil {
		return answered("UID FETCH FLAGS", err)
	}
	return r.Ledger.note(func() {
		for _, m := range list {
			if m.UID != 0 && m.ModSeq != 0 {
				told[m.UID] = flagString(m.Flags)
				b.numbers(0, m.ModSeq)
			}
		}
		for _, uid := range uids {
			b.mail[uid] = told[uid]
		}
		r.doubt = doubt{}
	})
}

// copy copies or moves messages.
func (r *Reader) copy(from uint32, move bool) error {
	names := r.own()
	to := r.names[names[rand.IntN(len(names))]]
	uids, err := r.some(from)
	if err != nil || len(uids) == 0 || to == from {
		return err
	}
	b, dst := r.boxes[from], r.boxes[to]
	var bodies []body
	var flags []string
	added := map[body]int{}
	for _, uid := range uids {
		bodies, flags = append(bodies, b.bodies[uid]), append(flags, b.mail[uid])
		added[b.bodies[uid]]++
	}
	r.doubt = doubt{to: to, added: added}
	var told imap.CopyData
	if move {
		r.doubt.from, r.doubt.uids, r.doubt.moved = from, uids, true
		data, err := r.client.Move(imap.UIDSetNum(uids...), dst.name).Wait()
		if err != nil {
			return answered("UID MOVE", err)
		}
		told.UIDValidity = data.UIDValidity
		told.DestUIDs, _ = data.DestUIDs.(imap.UIDSet)
	} else {
		data, err := r.client.Copy(imap.UIDSetNum(uids...), dst.name).Wait()
		if err != nil {
			return answered("UID COPY", err)
		}
		told = *data
	}
	placed, _ := told.DestUIDs.Nums()
	return r.placed(told.UIDValidity, placed, bodies, flags, func() {
		for _, uid := range uids {
			if move {
				delete(b.mail, uid)
			}
		}
	})
}

func (r *Reader) expunge(validity uint32) error {
	uids, err := r.some(validity)
	if err != nil || len(uids) == 0 {
		return err
	}
	b := r.boxes[validity]
	r.doubt = doubt{from: validity, uids: uids, flagged: true}
	err = r.client.Store(imap.UIDSetNum(uids...), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close()
	if err != nil {
		return answered("UID STORE", err)
	}
	r.doubt.flagged = false
	if err := r.client.UIDExpunge(imap.UIDSetNum(uids...)).Close(); err != nil {
		return answered("UID EXPUNGE", err)
	}
	return r.Ledger.note(func() {
		for _, uid := range uids {
			delete(b.mail, uid)
		}
		r.doubt = doubt{}
	})
}

func (r *Reader) create() error {
	if len(r.own()) >= 5 {
		return nil
	}
	r.created++
	name := fmt.Sprintf("%s%d", r.Prefix, r.created)
	r.doubt = doubt{create: name}
	if err := r.client.Create(name, nil).Wait(); err != nil {
		return answered("CREATE", err)
	}
	if err := r.Ledger.note(func() {
		r.names[name] = 0 // not told yet
		r.doubt = doubt{}
	}); err != nil {
		return err
	}
	return r.learn(name)
}

func (r *Reader) delete() error {
	names := r.own()
	if len(names) <= 2 {
		return nil
	}
	name := names[rand.IntN(len(names))]
	validity := r.names[name]
	if r.selected == validity {
		return nil
	}
	r.doubt = doubt{remove: name}
	if err := r.client.Delete(name).Wait(); err != nil {
		return answered("DELETE", err)
	}
	return r.Ledger.note(func() {
		delete(r.names, name)
		r.doubt = doubt{}
	})
}

func (r *Reader) rename() error {
	names := r.own()
	name := names[rand.IntN(len(names))]
	validity := r.names[name]
	if r.selected == validity {
		return nil
	}
	r.created++
	fresh := fmt.Sprintf("%s%d", r.Prefix, r.created)
	r.doubt = doubt{create: fresh, remove: name}
	if err := r.client.Rename(name, fresh, nil).Wait(); err != nil {
		return answered("RENAME", err)
	}
	return r.Ledger.note(func() {
		delete(r.names, name)
		r.names[fresh] = validity
		r.boxes[validity].name = fresh
		r.doubt = doubt{}
	})
}

// search demands that a search finds what has a flag.
func (r *Reader) search(validity uint32) error {
	if _, err := r.some(validity); err != nil {
		return err
	}
	data, err := r.client.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagFlagged}}, nil).Wait()
	if err != nil {
		return answered("UID SEARCH", err)
	}
	b := r.boxes[validity]
	var want []imap.UID
	for uid, flags := range b.mail {
		if strings.Contains(flags, `\flagged`) {
			want = append(want, uid)
		}
	}
	slices.Sort(want)
	if got := data.AllUIDs(); !slices.Equal(got, want) {
		return &wrongAnswer{fmt.Sprintf("%s: flagged are %v, found were %v", b.name, want, got)}
	}
	return nil
}

// list demands that the reader's mailboxes are listed, and no other.
func (r *Reader) list() error {
	list, err := r.client.List("", r.Prefix+"*", nil).Collect()
	if err != nil {
		return answered("LIST", err)
	}
	var got []string
	for _, l := range list {
		got = append(got, l.Mailbox)
	}
	slices.Sort(got)
	if want := r.own(); !slices.Equal(got, want) {
		return &wrongAnswer{fmt.Sprintf("mailboxes are %v, listed were %v", want, got)}
	}
	return nil
}

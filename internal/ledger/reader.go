package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/internal/testserver"
)

// Reader is a client of IMAP that works at random on mailboxes of its own, and
// on the INBOX if that is its own, too (others may deliver into it). It knows
// what must be there to the message.
type Reader struct {
	Ledger *Ledger
	Server *testserver.Server
	Local  string // the account
	Prefix string // of its mailboxes' names
	INBOX  bool
	// Keep is about how many messages a mailbox is to have: 20.
	Keep int
	// MaxSize is how large an appended message may be, in octets: 8,000.
	MaxSize int
	// Pause, on average, is made before each operation.
	Pause time.Duration

	boxes    map[uint32]*box
	names    map[string]uint32 // of the mailboxes that are there
	doubt    doubt
	created  int
	client   *imapclient.Client
	selected uint32
	// Ops counts what was done and answered.
	Ops int
}

// refused is an answer NO or BAD: none of the operations earns one.
type refused struct {
	op  string
	err error
}

func (r *refused) Error() string { return r.op + " was refused: " + r.err.Error() }

// dial connects and logs in.
func (r *Reader) dial() (*imapclient.Client, error) {
	c, err := imapclient.DialInsecure(r.Server.Address("imap"), nil)
	if err != nil {
		return nil, err
	}
	if err := c.Login(r.Local+"@"+testserver.Domain, testserver.Password).Wait(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Work works until ctx ends, or the connection does. A refusal is an error; the
// end of the connection, or of the ledger, is none. Then Verify must be called
// before the next Work: something may be in doubt.
func (r *Reader) Work(ctx context.Context) error {
	c, err := r.dial()
	if err != nil {
		return nil
	}
	defer c.Close()
	r.client, r.selected = c, 0
	if err := r.begin(); err != nil {
		return r.ignoreEnd(err)
	}
	for ctx.Err() == nil {
		if r.Pause > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(rand.N(2 * r.Pause)):
			}
		}
		if err := r.operate(); err != nil {
			return r.ignoreEnd(err)
		}
		r.Ops++
	}
	return nil
}

// ignoreEnd leaves of an error what is the server's fault.
func (r *Reader) ignoreEnd(err error) error {
	if r.Ledger.note(func() {}) != nil {
		return nil
	}
	if ref := (*refused)(nil); errors.As(err, &ref) {
		return ref
	}
	if wrong := (*wrongAnswer)(nil); errors.As(err, &wrong) {
		return wrong
	}
	return nil
}

// wrongAnswer is a reply that isn't true.
type wrongAnswer struct{ text string }

func (w *wrongAnswer) Error() string { return w.text }

// answered sorts what an operation's end was.
func answered(op string, err error) error {
	if reply := (*imap.Error)(nil); errors.As(err, &reply) && reply.Type != imap.StatusResponseTypeBye {
		return &refused{op, err}
	}
	return err
}

// begin makes the first mailboxes.
func (r *Reader) begin() error {
	if r.names == nil {
		r.names, r.boxes = map[string]uint32{}, map[uint32]*box{}
		if r.INBOX {
			if err := r.learn("INBOX"); err != nil {
				return err
			}
		}
	}
	for len(r.own()) < 2 {
		if err := r.create(); err != nil {
			return err
		}
	}
	return nil
}

// own are the mailboxes but INBOX.
func (r *Reader) own() (names []string) {
	for name := range r.names {
		if name != "INBOX" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// learn selects a mailbox that is new to the reader.
func (r *Reader) learn(name string) error {
	data, err := r.client.Select(name, &imap.SelectOptions{CondStore: true}).Wait()
	if err != nil {
		return answered("SELECT "+name, err)
	}
	var wrong error
	err = r.Ledger.note(func() {
		for validity := range r.boxes {
			if validity >= data.UIDValidity && name != "INBOX" {
				wrong = &wrongAnswer{fmt.Sprintf("UIDVALIDITY %d is given after %d", data.UIDValidity, validity)}
			}
		}
		b := newBox(name)
		b.numbers(data.UIDNext, data.HighestModSeq)
		r.boxes[data.UIDValidity], r.names[name] = b, data.UIDValidity
		r.selected = data.UIDValidity
		r.doubt = doubt{}
	})
	return errors.Join(wrong, err)
}

// open selects a mailbox, if it isn't.
func (r *Reader) open(validity uint32) error {
	if r.selected == validity {
		return nil
	}
	b := r.boxes[validity]
	data, err := r.client.Select(b.name, &imap.SelectOptions{CondStore: true}).Wait()
	if err != nil {
		return answered("SELECT "+b.name, err)
	}
	r.selected = validity
	var wrong error
	err = r.Ledger.note(func() {
		if data.UIDValidity != validity || data.UIDNext < b.uidNext || data.HighestModSeq < b.modSeq {
			wrong = &wrongAnswer{fmt.Sprintf("SELECT %s: UIDVALIDITY %d, UIDNEXT %d, HIGHESTMODSEQ %d, after %d, %d, %d",
				b.name, data.UIDValidity, data.UIDNext, data.HighestModSeq, validity, b.uidNext, b.modSeq)}
		}
		b.numbers(data.UIDNext, data.HighestModSeq)
	})
	return errors.Join(wrong, err)
}

// Verify compares what the server has with what the reader was told, and takes
// it for true from then on. The problems are those of the server; err is that
// it could not be asked.
func (r *Reader) Verify() (problems []string, err error) {
	c, err := r.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names, boxes, err := r.survey(c)
	if err != nil {
		return nil, err
	}
	v := &verifier{doubt: r.doubt}
	for _, n := range r.doubt.added {
		v.toAdd += n
	}
	v.names(r.names, names)
	for name, validity := range names {
		now, told := boxes[validity], r.boxes[validity]
		if told == nil { // its creation was in doubt
			told = newBox(name)
		}
		v.box(validity, told, now, name == "INBOX")
		for uid, b := range told.bodies { // what was told stays told
			if _, ok := now.bodies[uid]; !ok {
				now.bodies[uid] = b
			}
		}
		now.numbers(told.uidNext, told.modSeq)
	}
	v.whole()
	r.Ledger.mu.Lock()
	defer r.Ledger.mu.Unlock()
	for _, b := range boxes {
		for uid := range b.mail {
			r.Ledger.see(b.bodies[uid].id)
		}
	}
	if r.boxes == nil {
		r.boxes = map[uint32]*box{}
	}
	maps.Copy(r.boxes, boxes)
	r.names, r.doubt = names, doubt{}
	return v.problems, nil
}

// survey reads all mailboxes of the reader's.
func (r *Reader) survey(c *imapclient.Client) (map[string]uint32, map[uint32]*box, error) {
	names, boxes := map[string]uint32{}, map[uint32]*box{}
	list, err := c.List("", r.Prefix+"*", nil).Collect()
	if err != nil {
		return nil, nil, err
	}
	if r.INBOX {
		list = append(list, &imap.ListData{Mailbox: "INBOX"})
	}
	for _, entry := range list {
		data, err := c.Select(entry.Mailbox, &imap.SelectOptions{ReadOnly: true, CondStore: true}).Wait()
		if err != nil {
			return nil, nil, fmt.Errorf("EXAMINE %s: %w", entry.Mailbox, err)
		}
		b := newBox(entry.Mailbox)
		b.numbers(data.UIDNext, data.HighestModSeq)
		names[entry.Mailbox], boxes[data.UIDValidity] = data.UIDValidity, b
		if data.NumMessages == 0 {
			continue
		}
		if err := fetchBodies(c, imap.UIDSet{{Start: 1, Stop: 0}}, func(uid imap.UID, octets []byte, flags string) error {
			found, whole := bodyOf(octets)
			if !whole {
				return &wrongAnswer{fmt.Sprintf("%s: UID %d (%s) has other octets than were sent", b.name, uid, found.id)}
			}
			b.bodies[uid], b.mail[uid] = found, flags
			return nil
		}); err != nil {
			return nil, nil, err
		}
	}
	return names, boxes, nil
}

// fetchBodies reads messages one by one.
func fetchBodies(c *imapclient.Client, uids imap.UIDSet, each func(uid imap.UID, octets []byte, flags string) error) error {
	section := &imap.FetchItemBodySection{Peek: true}
	cmd := c.Fetch(uids, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{section}})
	var failed error
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		data, err := m.Collect()
		if err != nil {
			cmd.Close()
			return err
		}
		if octets := data.FindBodySection(section); data.UID != 0 && octets != nil && failed == nil {
			failed = each(data.UID, octets, flagString(data.Flags))
		}
	}
	return errors.Join(failed, answered("UID FETCH", cmd.Close()))
}

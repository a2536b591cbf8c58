package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"posthorn/internal/mail"
	"posthorn/store"
)

// LedgerEntry is a message that a client, or a next hop, says was
// acknowledged. What is empty is not compared.
type LedgerEntry struct {
	MessageID string `json:"message_id"`
	// Sum is the SHA-256, in hexadecimal, of the message as it was sent.
	Sum string `json:"sha256,omitempty"`
	// Recipient is an account's address or one elsewhere. Aliases are not
	// followed.
	Recipient string `json:"recipient,omitempty"`
}

// Ledger asks for a comparison of what was acknowledged with what is there.
type Ledger struct {
	Acknowledged []LedgerEntry `json:"acknowledged"`
	// Relayed is what next hops have taken; no more than the queue's log can
	// say what became of it here.
	Relayed []LedgerEntry `json:"relayed,omitempty"`
}

// LedgerReport is what a comparison found.
type LedgerReport struct {
	// Acknowledged is how many different entries were looked for. Each is in
	// mailboxes, in the queue, relayed, or returned by a report.
	Acknowledged int `json:"acknowledged"`
	Mailboxes    int `json:"mailboxes"`
	Queued       int `json:"queued"`
	Relayed      int `json:"relayed"`
	Returned     int `json:"returned"`
	// Missing are nowhere. Duplicated were stored more often, for one
	// recipient, than they were acknowledged. Altered are not what was sent.
	Missing    []LedgerEntry `json:"missing"`
	Duplicated []LedgerEntry `json:"duplicated"`
	Altered    []LedgerEntry `json:"altered"`
}

// tally is an acknowledged entry and where it was found: for each recipient,
// the contents that have its Message-ID.
type tally struct {
	LedgerEntry
	acknowledged int
	found        map[string]map[store.ContentID]bool
	relayed      map[string]int
	mailboxes    bool
	queued       bool
	returned     bool
}

// ledger compares what clients were told with what is there. A message that a
// user has expunged is missing, and one that a mail program has put into a
// mailbox a second time is duplicated: it is for ledgers of what nobody has
// touched since.
func ledger(ctx context.Context, o *Operator, in Ledger) (*LedgerReport, error) {
	byID := make(map[string][]*tally, len(in.Acknowledged))
	var all []*tally
	for _, e := range in.Acknowledged {
		e.MessageID, e.Recipient = trimID(e.MessageID), recipientKey(e.Recipient)
		if t := find(byID[e.MessageID], e.Recipient); t != nil {
			t.acknowledged++
			continue
		}
		t := &tally{LedgerEntry: e, acknowledged: 1, found: map[string]map[store.ContentID]bool{}, relayed: map[string]int{}}
		byID[e.MessageID] = append(byID[e.MessageID], t)
		all = append(all, t)
	}
	for _, e := range in.Relayed {
		to := recipientKey(e.Recipient)
		for _, t := range byID[trimID(e.MessageID)] {
			if t.Recipient == "" || to == "" || t.Recipient == to {
				t.relayed[to]++
			}
		}
	}
	err := o.Store.Holdings(ctx, func(h *store.Holding) error {
		to := h.To.Key()
		for _, t := range byID[h.MessageID] {
			if t.Recipient == "" || t.Recipient == to {
				t.note(to, h)
			}
		}
		if h.Returns != "" {
			for _, t := range byID[h.Returns] {
				t.returned = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o.sumUp(ctx, all)
}

func find(list []*tally, recipient string) *tally {
	for _, t := range list {
		if t.Recipient == recipient {
			return t
		}
	}
	return nil
}

func (t *tally) note(to string, h *store.Holding) {
	if t.found[to] == nil {
		t.found[to] = make(map[store.ContentID]bool, 1)
	}
	t.found[to][h.Content] = true
	t.mailboxes = t.mailboxes || h.Queue == 0
	t.queued = t.queued || h.Queue != 0
}

// most is how often the message is there for the recipient who has it most.
func (t *tally) most() int {
	n := 0
	for to, contents := range t.found {
		n = max(n, len(contents)+t.relayed[to])
	}
	for to, relayed := range t.relayed {
		n = max(n, len(t.found[to])+relayed)
	}
	return n
}

func (o *Operator) sumUp(ctx context.Context, all []*tally) (*LedgerReport, error) {
	r := &LedgerReport{Acknowledged: len(all), Missing: []LedgerEntry{}, Duplicated: []LedgerEntry{}, Altered: []LedgerEntry{}}
	sums := make(map[store.ContentID]sums)
	for _, t := range all {
		switch {
		case t.mailboxes:
			r.Mailboxes++
		case t.queued:
			r.Queued++
		case len(t.relayed) > 0:
			r.Relayed++
		case t.returned:
			r.Returned++
		default:
			r.Missing = append(r.Missing, t.LedgerEntry)
		}
		if t.most() > t.acknowledged {
			r.Duplicated = append(r.Duplicated, t.LedgerEntry)
		}
		same, err := o.unaltered(ctx, t, sums)
		if err != nil {
			return nil, err
		}
		if !same {
			r.Altered = append(r.Altered, t.LedgerEntry)
		}
	}
	return r, nil
}

// unaltered reports whether all that was found of a message is what was sent.
func (o *Operator) unaltered(ctx context.Context, t *tally, known map[store.ContentID]sums) (bool, error) {
	if t.Sum == "" {
		return true, nil
	}
	want, err := hex.DecodeString(t.Sum)
	if err != nil {
		return false, fmt.Errorf("%w: %q is no SHA-256 in hexadecimal", mail.ErrInvalid, t.Sum)
	}
	for _, contents := range t.found {
		for id := range contents {
			s, ok := known[id]
			if !ok {
				s, err = o.sums(ctx, id)
				switch {
				case errors.Is(err, mail.ErrNotFound):
					continue
				case errors.Is(err, mail.ErrCorrupt):
					return false, nil
				case err != nil:
					return false, err
				}
				known[id] = s
			}
			if !bytes.Equal(s.whole[:], want) && !bytes.Equal(s.sent[:], want) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sums are the checksums of a content, and of what follows its first field:
// the Received field that delivery puts in front.
type sums struct{ whole, sent [sha256.Size]byte }

func (o *Operator) sums(ctx context.Context, id store.ContentID) (s sums, err error) {
	content, err := o.Store.Content(ctx, id)
	if err != nil {
		return s, err
	}
	header, err := content.Header()
	if err != nil {
		return s, err
	}
	whole, sent := sha256.New(), sha256.New()
	if err := content.WriteRange(io.MultiWriter(whole, &skipper{sent, firstField(header)}), 0, content.Size()); err != nil {
		return s, err
	}
	whole.Sum(s.whole[:0])
	sent.Sum(s.sent[:0])
	return s, nil
}

// firstField is the length of a header's first field with its line end.
func firstField(header []byte) int {
	n := 0
	for {
		line := bytes.IndexByte(header[n:], '\n')
		if line < 0 {
			return len(header)
		}
		n += line + 1
		if n == len(header) || header[n] != ' ' && header[n] != '\t' {
			return n
		}
	}
}

// skipper writes all but the first skip octets to w.
type skipper struct {
	w    io.Writer
	skip int
}

func (k *skipper) Write(p []byte) (int, error) {
	n := min(k.skip, len(p))
	k.skip -= n
	if _, err := k.w.Write(p[n:]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// trimID is a Message-ID without angle brackets.
func trimID(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "<"), ">")
}

// recipientKey is the form in which recipients are compared.
func recipientKey(s string) string {
	a, err := mail.ParseAddress(strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">"))
	if err != nil {
		return strings.ToLower(s)
	}
	return a.Key()
}

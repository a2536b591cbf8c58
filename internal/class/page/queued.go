package page

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/store"
)

// queuedID begins the ids of messages that wait in a queue.
const queuedID = "q"

// maxQueued is how many messages of a queue a list has.
const maxQueued = 50

// listQueue appends the newest messages that wait in the queue.
func listQueue(ctx context.Context, st *store.Store, out *Messages) error {
	entries, err := st.QueueEntries(ctx, 0)
	if err != nil {
		return err
	}
	byID := map[store.QueueID][]store.QueueEntry{}
	for _, e := range entries {
		byID[e.ID] = append(byID[e.ID], e)
	}
	var newest []store.QueueID
	for id := range byID {
		newest = append(newest, id)
	}
	slices.Sort(newest)
	for _, id := range newest[max(0, len(newest)-maxQueued):] {
		m, err := queued(ctx, st, byID[id])
		if errors.Is(err, mail.ErrNotFound) { // it has left meanwhile
			continue
		}
		if err != nil {
			return err
		}
		out.Messages = append(out.Messages, m.line)
	}
	return nil
}

func findQueued(ctx context.Context, st *store.Store, number string) (*found, error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 {
		return nil, mail.ErrNotFound
	}
	entries, err := st.QueueEntries(ctx, store.QueueID(id))
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, mail.ErrNotFound
	}
	return queued(ctx, st, entries)
}

// queued is the message of a queue's entries, that have it in common. Its
// envelope is known, and not only what a header tells of it.
func queued(ctx context.Context, st *store.Store, entries []store.QueueEntry) (*found, error) {
	first := &entries[0]
	content, err := st.Content(ctx, first.Content)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	header, err := content.Header()
	if err != nil {
		return nil, err
	}
	f := &found{content: first.Content, header: slices.Clone(header), envelope: &Envelope{From: first.Envelope.From.String(), To: []string{}, Differs: []string{}}}
	if first.Envelope.From.IsNull() {
		f.envelope.From = ""
	}
	for i := range entries {
		f.envelope.To = append(f.envelope.To, entries[i].To.Address.String())
	}
	f.line = MessageLine{
		ID: queuedID + strconv.FormatInt(int64(first.ID), 10), Waiting: f.envelope.To, Octets: first.Size, Arrived: first.Queued, Flags: []string{},
	}
	f.line.introduce(header)
	f.created = message.ParseDate([]byte(value(fields(header, maxFields), "Date")))
	return f, nil
}

package page

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/store"
)

// maxMessages is how many messages a list has; of each mailbox the newest, of
// so many accounts.
const (
	maxMessages = 200
	maxAccounts = 50
)

// maxShown bounds a header field's value in a list.
const maxShown = 500

func (s *server) messages(r *http.Request) (any, error) {
	ctx := r.Context()
	st, err := s.Room.Store(r.FormValue("server"))
	if err != nil {
		return nil, err
	}
	out := &Messages{Messages: []MessageLine{}}
	accounts, err := st.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts[:min(len(accounts), maxAccounts)] {
		boxes, err := st.Mailboxes(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		for i := range boxes {
			if boxes[i].NoSelect || boxes[i].Messages == 0 {
				continue
			}
			if err := list(ctx, st, a.Address.String(), &boxes[i], out); err != nil {
				return nil, err
			}
		}
	}
	if err := listQueue(ctx, st, out); err != nil {
		return nil, err
	}
	slices.SortFunc(out.Messages, func(a, b MessageLine) int { return b.Arrived.Compare(a.Arrived) })
	out.Messages = out.Messages[:min(len(out.Messages), maxMessages)]
	return out, nil
}

// list appends the newest messages of a mailbox.
func list(ctx context.Context, st *store.Store, account string, mb *store.Mailbox, out *Messages) error {
	uids, _, err := st.UIDList(ctx, mb.ID)
	if err != nil {
		return err
	}
	newest := uids[max(0, len(uids)-maxMessages):]
	if len(newest) == 0 {
		return nil
	}
	set := mail.UIDSet{{From: newest[0], To: newest[len(newest)-1]}}
	for m, err := range st.Messages(ctx, mb.ID, set, store.WantHeader) {
		if err != nil {
			return err
		}
		out.Messages = append(out.Messages, line(account, mb, m))
	}
	return nil
}

// line is a message in a list. Its id says where it is.
func line(account string, mb *store.Mailbox, m *store.Message) MessageLine {
	l := MessageLine{
		ID:      strconv.FormatInt(int64(mb.ID), 10) + "." + strconv.FormatUint(uint64(m.UID), 10),
		Account: account, Mailbox: mb.Name, UID: uint32(m.UID), Octets: m.Size, Arrived: m.Saved, Flags: []string{},
	}
	l.Flags = append(l.Flags, strings.Fields(m.Flags.String())...)
	l.introduce(m.Header)
	return l
}

// introduce takes from a header what a list shows.
func (l *MessageLine) introduce(header []byte) {
	list := fields(header, maxFields)
	l.From, l.To, l.Subject = clip(value(list, "From"), maxShown), clip(value(list, "To"), maxShown), clip(value(list, "Subject"), maxShown)
}

// found is a message, wherever it lies.
type found struct {
	line     MessageLine
	content  store.ContentID
	trace    []byte // fields before the content's
	header   []byte
	created  time.Time
	envelope *Envelope // nil: what the header tells of it is all
}

// find finds a message by the id that line or queued gave it.
func find(ctx context.Context, st *store.Store, id string) (*found, error) {
	if n, ok := strings.CutPrefix(id, queuedID); ok {
		return findQueued(ctx, st, n)
	}
	box, uid, _ := strings.Cut(id, ".")
	boxID, err1 := strconv.ParseInt(box, 10, 64)
	n, err2 := strconv.ParseUint(uid, 10, 32)
	if err1 != nil || err2 != nil || n == 0 {
		return nil, mail.ErrNotFound
	}
	mb, err := st.MailboxByID(ctx, store.MailboxID(boxID))
	if err != nil {
		return nil, err
	}
	a, err := st.AccountByID(ctx, mb.Account)
	if err != nil {
		return nil, err
	}
	for m, err := range st.Messages(ctx, mb.ID, mail.UIDs(mail.UID(n)), store.WantHeader) {
		if err != nil {
			return nil, err
		}
		return &found{line: line(a.Address.String(), &mb, m), content: m.Content, trace: m.Trace, header: m.Header, created: m.Sent}, nil
	}
	return nil, mail.ErrNotFound
}

// fields are the fields of a header block, at most so many.
func fields(header []byte, most int) []Field {
	list := []Field{}
	for len(header) > 0 && len(list) < most {
		n := fieldLen(header)
		raw := strings.TrimRight(string(header[:n]), "\r\n")
		header = header[n:]
		if raw == "" {
			break
		}
		name, value, ok := strings.Cut(raw, ":")
		if !ok {
			name, value = "", raw
		}
		list = append(list, Field{Name: strings.TrimRight(name, " \t"), Value: clip(message.DecodeHeader([]byte(value)), maxValue), Raw: clip(raw, maxValue)})
	}
	return list
}

// fieldLen is the length of a header's first field with its line end.
func fieldLen(header []byte) int {
	n := 0
	for {
		i := slices.Index(header[n:], '\n')
		if i < 0 {
			return len(header)
		}
		n += i + 1
		if n == len(header) || header[n] != ' ' && header[n] != '\t' {
			return n
		}
	}
}

// clip is text of at most n octets, valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

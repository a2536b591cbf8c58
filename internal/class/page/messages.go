package page

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	for _, f := range fields(m.Header, maxFields) {
		for name, to := range map[string]*string{"from": &l.From, "to": &l.To, "subject": &l.Subject} {
			if strings.EqualFold(f.Name, name) && *to == "" {
				*to = clip(f.Value, maxShown)
			}
		}
	}
	return l
}

// findMessage finds a message by the id that line gave it.
func (s *server) findMessage(ctx context.Context, st *store.Store, id string) (l MessageLine, m *store.Message, err error) {
	unknown := &problem{http.StatusNotFound, "unknown-message", ""}
	box, uid, _ := strings.Cut(id, ".")
	boxID, err1 := strconv.ParseInt(box, 10, 64)
	n, err2 := strconv.ParseUint(uid, 10, 32)
	if err1 != nil || err2 != nil || n == 0 {
		return l, nil, unknown
	}
	mb, err := st.MailboxByID(ctx, store.MailboxID(boxID))
	if err != nil {
		return l, nil, err
	}
	a, err := st.AccountByID(ctx, mb.Account)
	if err != nil {
		return l, nil, err
	}
	for m, err := range st.Messages(ctx, mb.ID, mail.UIDs(mail.UID(n)), store.WantHeader) {
		if err != nil {
			return l, nil, err
		}
		return line(a.Address.String(), &mb, m), m, nil
	}
	return l, nil, unknown
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

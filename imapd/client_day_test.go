package imapd

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// TestClientsDay uses go-imap's client for what a mail program does in a day.
func TestClientsDay(t *testing.T) {
	f := newFixture(t)
	dial := func(opts *imapclient.Options) *imapclient.Client {
		conn, err := f.dial("")
		check(t, err)
		c := imapclient.New(conn, opts)
		t.Cleanup(func() { c.Close() })
		return c
	}
	c := dial(nil)
	check(t, c.WaitGreeting())
	check(t, c.Authenticate(sasl.NewPlainClient("", "alice@example.org", password)))
	for _, name := range []imap.Cap{imap.CapIMAP4rev1, imap.CapIMAP4rev2, imap.CapUIDPlus, imap.CapMove, imap.CapIdle, imap.CapSpecialUse, imap.CapLiteralPlus, imap.CapUTF8Accept} {
		if !c.Caps().Has(name) {
			t.Errorf("%s is not offered", name)
		}
	}
	_, err := c.Enable(imap.CapIMAP4rev2).Wait()
	check(t, err)
	check(t, c.Create("Làm việc & chơi/2026", nil).Wait())
	boxes, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}, ReturnSpecialUse: true}).Collect()
	check(t, err)
	i := slices.IndexFunc(boxes, func(b *imap.ListData) bool { return b.Mailbox == "Làm việc & chơi/2026" })
	if i < 0 || boxes[i].Status == nil || *boxes[i].Status.NumMessages != 0 {
		t.Errorf("LIST: %v", boxes)
	}

	text := []byte("From: alice@example.org\r\nSubject: hello\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n")
	date := time.Date(2020, 2, 3, 4, 5, 6, 0, time.FixedZone("", 7*3600))
	for range 3 {
		cmd := c.Append("Làm việc & chơi/2026", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagFlagged, "$Work"}, Time: date})
		cmd.Write(text)
		check(t, cmd.Close())
		_, err = cmd.Wait()
		check(t, err)
	}

	told := make(chan uint32, 10)
	watcher := dial(&imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				told <- *d.NumMessages
			}
		},
	}})
	check(t, watcher.Login("alice@example.org", password).Wait())
	data, err := watcher.Select("Archive", nil).Wait()
	check(t, err)
	if data.NumMessages != 0 {
		t.Errorf("Archive has %d messages", data.NumMessages)
	}
	idle, err := watcher.Idle()
	check(t, err)

	selected, err := c.Select("Làm việc & chơi/2026", nil).Wait()
	check(t, err)
	if selected.NumMessages != 3 || selected.UIDNext != 4 || selected.List == nil || selected.List.Mailbox != "Làm việc & chơi/2026" {
		t.Errorf("SELECT: %+v", selected)
	}
	checkFetched(t, c, text, date)

	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}, Text: []string{"HELLO"}}, nil).Wait()
	check(t, err)
	if got := found.AllUIDs(); !slices.Equal(got, []imap.UID{2}) {
		t.Errorf("SEARCH: %v", got)
	}
	check(t, c.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close())
	moved, err := c.Move(imap.UIDSetNum(1), "Archive").Wait()
	check(t, err)
	if moved.DestUIDs.String() != "1" || moved.SourceUIDs.String() != "1" {
		t.Errorf("MOVE: %+v", moved)
	}
	if n := <-told; n != 1 {
		t.Errorf("IDLE told of %d messages", n)
	}
	check(t, idle.Close())
	check(t, idle.Wait())
	gone, err := c.Expunge().Collect()
	check(t, err)
	if !slices.Equal(gone, []uint32{1}) {
		t.Errorf("EXPUNGE: %v", gone)
	}
	check(t, c.Unselect().Wait())
	check(t, c.Logout().Wait())
	check(t, watcher.Logout().Wait())
}

// checkFetched fetches all there is of two messages, with \Seen set on the way.
func checkFetched(t *testing.T, c *imapclient.Client, text []byte, date time.Time) {
	t.Helper()
	part := &imap.FetchItemBinarySection{Part: []int{2}}
	whole := &imap.FetchItemBodySection{Peek: true}
	msgs, err := c.Fetch(imap.UIDSetNum(1, 3), &imap.FetchOptions{
		Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, UID: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{whole}, BinarySection: []*imap.FetchItemBinarySection{part},
	}).Collect()
	check(t, err)
	if len(msgs) != 2 {
		t.Fatalf("FETCH: %d messages", len(msgs))
	}
	m := msgs[1]
	if m.SeqNum != 3 || m.UID != 3 || m.RFC822Size != int64(len(text)) || m.Envelope.Subject != "hello" || !m.InternalDate.Equal(date) ||
		!bytes.Equal(m.FindBodySection(whole), text) || string(m.FindBinarySection(part)) != "two" || m.BodyStructure.MediaType() != "multipart/mixed" ||
		!slices.Contains(m.Flags, "$Work") || !slices.Contains(m.Flags, imap.FlagSeen) {
		t.Errorf("FETCH: %+v", m)
	}
}

package imapd

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// newClient is go-imap's client, logged in as alice.
func newClient(t *testing.T, f *fixture) *imapclient.Client {
	t.Helper()
	conn, err := f.dial("")
	check(t, err)
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close() })
	check(t, c.Login("alice@example.org", password).Wait())
	return c
}

// TestClientMailboxes goes through the commands about mailboxes with a client
// that reads our answers strictly.
func TestClientMailboxes(t *testing.T) {
	c := newClient(t, newFixture(t))
	names := func(list []*imap.ListData, err error) string {
		t.Helper()
		check(t, err)
		var out []string
		for _, l := range list {
			if l.Delim != '/' {
				t.Errorf("%s: delimiter %q", l.Mailbox, l.Delim)
			}
			out = append(out, l.Mailbox)
		}
		return strings.Join(out, ", ")
	}
	check(t, c.Create("Thư/nháp và khác", nil).Wait())
	check(t, c.Create("Sent 2", &imap.CreateOptions{}).Wait())
	if err := c.Create("Sent 3", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrSent}}).Wait(); err == nil || !strings.Contains(err.Error(), "USEATTR") {
		t.Errorf("a second mailbox for sent mail: %v", err)
	}
	if got := names(c.List("", "%", nil).Collect()); got != "INBOX, Archive, Drafts, Junk, Sent, Sent 2, Thư, Trash" {
		t.Error(got)
	}
	check(t, c.Rename("Thư", "Mail", nil).Wait())
	check(t, c.Subscribe("Mail/nháp và khác").Wait())
	list, err := c.List("", "M%", &imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true, ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	if got := names(list, err); got != "Mail" || list[0].ChildInfo == nil || !list[0].ChildInfo.Subscribed || list[0].Status != nil {
		t.Errorf("%s %+v", got, list)
	}
	list, err = c.List("Mail/", "*", &imap.ListOptions{ReturnSubscribed: true, ReturnChildren: true, ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true, Size: true}}).Collect()
	if got := names(list, err); got != "Mail/nháp và khác" || !slices.Contains(list[0].Attrs, imap.MailboxAttrSubscribed) ||
		!slices.Contains(list[0].Attrs, imap.MailboxAttrHasNoChildren) || list[0].Status == nil || *list[0].Status.NumMessages != 0 || list[0].Status.UIDNext != 1 {
		t.Errorf("%s %+v", got, list)
	}
	list, err = c.List("", "*", &imap.ListOptions{SelectSpecialUse: true}).Collect()
	if got := names(list, err); got != "Archive, Drafts, Junk, Sent, Trash" || !slices.Contains(list[0].Attrs, imap.MailboxAttrArchive) {
		t.Errorf("%s %+v", got, list)
	}
	st, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true, NumDeleted: true, Size: true, AppendLimit: true}).Wait()
	check(t, err)
	if *st.NumMessages != 0 || st.UIDNext != 1 || st.UIDValidity == 0 || *st.NumUnseen != 0 || *st.NumDeleted != 0 || *st.Size != 0 || *st.AppendLimit != 50<<20 {
		t.Errorf("%+v", st)
	}
	ns, err := c.Namespace().Wait()
	check(t, err)
	if len(ns.Personal) != 1 || ns.Personal[0].Prefix != "" || ns.Personal[0].Delim != '/' || ns.Other != nil || ns.Shared != nil {
		t.Errorf("%+v", ns)
	}
	check(t, c.Unsubscribe("Mail/nháp và khác").Wait())
	check(t, c.Delete("Mail/nháp và khác").Wait())
	check(t, c.Logout().Wait())
}

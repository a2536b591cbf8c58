package imapd

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/store"
)

// TestClientQuota: go-imap's client understands QUOTA and ID as they are said.
func TestClientQuota(t *testing.T) {
	f := newFixture(t)
	check(t, f.store.SetQuota(t.Context(), f.account("alice").ID, store.Quota{Bytes: 1 << 20, Messages: 3}))
	check(t, f.deliver("alice", "INBOX", []byte(plainMessage)))
	c := newClient(t, f)
	for _, offered := range []imap.Cap{imap.CapQuota, "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", imap.CapMetadata, imap.CapListMetadata} {
		if !c.Caps().Has(offered) {
			t.Errorf("%s is not offered", offered)
		}
	}
	quotas, err := c.GetQuotaRoot("INBOX").Wait()
	check(t, err)
	want := map[imap.QuotaResourceType]imapclient.QuotaResourceData{"STORAGE": {Usage: 1, Limit: 1024}, "MESSAGE": {Usage: 1, Limit: 3}}
	if len(quotas) != 1 || quotas[0].Root != "" || len(quotas[0].Resources) != 2 || quotas[0].Resources["STORAGE"] != want["STORAGE"] || quotas[0].Resources["MESSAGE"] != want["MESSAGE"] {
		t.Errorf("%+v", quotas)
	}
	if err := c.SetQuota("", map[imap.QuotaResourceType]int64{"STORAGE": 1}).Wait(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("SETQUOTA: %v", err)
	}
	st, err := c.Status("INBOX", &imap.StatusOptions{NumDeleted: true, DeletedStorage: true}).Wait()
	check(t, err)
	if *st.NumDeleted != 0 || *st.DeletedStorage != 0 {
		t.Errorf("%+v", st)
	}
	id, err := c.ID(&imap.IDData{Name: "test", Vendor: "nobody"}).Wait()
	check(t, err)
	if id.Name != "Posthorn" || id.Version != "1.0" {
		t.Errorf("%+v", id)
	}
}

// TestClientMetadata sets annotations and reads them with go-imap's client.
func TestClientMetadata(t *testing.T) {
	c := newClient(t, newFixture(t))
	value := func(s string) *[]byte {
		b := []byte(s)
		return &b
	}
	check(t, c.SetMetadata("", map[string]*[]byte{"/private/vendor/x/y": value("all")}).Wait())
	check(t, c.SetMetadata("Sent", map[string]*[]byte{"/private/comment": value("x \"y\""), "/shared/colour": value("#b71c1c")}).Wait())
	check(t, c.SetMetadata("Sent", map[string]*[]byte{"/private/gone": nil}).Wait())
	for _, tt := range []struct {
		mailbox string
		entries []string
		options *imapclient.GetMetadataOptions
		want    map[string]string // "NIL" is nil
	}{
		{"", []string{"/private/vendor/x/y"}, nil, map[string]string{"/private/vendor/x/y": "all"}},
		{"Sent", []string{"/private/comment", "/shared/colour", "/private/none"}, nil,
			map[string]string{"/private/comment": `x "y"`, "/shared/colour": "#b71c1c", "/private/none": "NIL"}},
		{"Sent", []string{"/private"}, &imapclient.GetMetadataOptions{Depth: imapclient.GetMetadataDepthInfinity},
			map[string]string{"/private/comment": `x "y"`, "/private/specialuse": `\Sent`}},
		{"Sent", []string{"/private"}, &imapclient.GetMetadataOptions{Depth: imapclient.GetMetadataDepthOne, MaxSize: new(uint32)}, map[string]string{}},
	} {
		data, err := c.GetMetadata(tt.mailbox, tt.entries, tt.options).Wait()
		check(t, err)
		if len(data.Entries) != len(tt.want) {
			t.Errorf("%s %v: %v", tt.mailbox, tt.entries, data.Entries)
		}
		for entry, want := range tt.want {
			got := data.Entries[entry]
			if (got == nil) != (want == "NIL") || got != nil && string(*got) != want {
				t.Errorf("%s %s is not %s", tt.mailbox, entry, want)
			}
		}
	}
}

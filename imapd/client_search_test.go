package imapd

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// TestClientSearch searches with it, under IMAP4rev1 and IMAP4rev2.
func TestClientSearch(t *testing.T) {
	for _, rev2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("rev2=%v", rev2), func(t *testing.T) {
			c := newClient(t, newFixture(t))
			if rev2 {
				_, err := c.Enable(imap.CapIMAP4rev2).Wait()
				check(t, err)
			}
			for i := range 5 {
				text := fmt.Sprintf("From: Carol <carol@example.net>\r\nSubject: =?utf-8?q?S=E1=BB=91_%d?=\r\n\r\nxin chào %d\r\n", i, i*i)
				w := c.Append("INBOX", int64(len(text)), &imap.AppendOptions{Time: time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC)})
				io.WriteString(w, text)
				check(t, w.Close())
				_, err := w.Wait()
				check(t, err)
			}
			_, err := c.Select("INBOX", nil).Wait()
			check(t, err)
			for _, tt := range []struct {
				name     string
				criteria imap.SearchCriteria
				want     string
			}{
				{"all", imap.SearchCriteria{}, "1:5"},
				{"header", imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "số 3"}}}, "4"},
				{"body", imap.SearchCriteria{Body: []string{"CHÀO 1"}}, "2,5"},
				{"since", imap.SearchCriteria{Since: time.Date(2024, 1, 4, 0, 0, 0, 0, time.UTC)}, "4:5"},
				{"or", imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{UID: []imap.UIDSet{imap.UIDSetNum(1)}}, {Text: []string{"số 4"}}}}}, "1,5"},
				{"not", imap.SearchCriteria{Not: []imap.SearchCriteria{{SeqNum: []imap.SeqSet{imap.SeqSetNum(2, 3)}}}}, "1,4:5"},
				{"none", imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}, ""},
			} {
				all := func(data *imap.SearchData) string {
					if data.All == nil {
						return ""
					}
					return data.All.String()
				}
				data, err := c.UIDSearch(&tt.criteria, nil).Wait()
				check(t, err)
				if got := all(data); got != tt.want {
					t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
				}
				data, err = c.Search(&tt.criteria, &imap.SearchOptions{ReturnMin: true, ReturnMax: true, ReturnCount: true, ReturnAll: true}).Wait()
				check(t, err)
				if got := all(data); got != tt.want || tt.want != "" && (data.Min == 0 || data.Max < data.Min) || (data.Count == 0) != (tt.want == "") {
					t.Errorf("%s: %+v, want %s", tt.name, data, tt.want)
				}
			}
		})
	}
}

// TestClientSort sorts with it.
func TestClientSort(t *testing.T) {
	f := newFixture(t)
	for _, subject := range []string{"Re: b", "c", "[x] a (fwd)", "B"} {
		check(t, f.deliver("alice", "INBOX", []byte("Subject: "+subject+"\r\n\r\n")))
	}
	c := newClient(t, f)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	for want, by := range map[string][]imapclient.SortCriterion{
		"[3 1 4 2]": {{Key: imapclient.SortKeySubject}},
		"[2 1 4 3]": {{Key: imapclient.SortKeySubject, Reverse: true}, {Key: imapclient.SortKeyDate}},
		"[2 4 1 3]": {{Key: imapclient.SortKeySize}, {Key: imapclient.SortKeyArrival}},
	} {
		got, err := c.UIDSort(&imapclient.SortOptions{SearchCriteria: &imap.SearchCriteria{}, SortCriteria: by}).Wait()
		check(t, err)
		if fmt.Sprint(got) != want {
			t.Errorf("%v: %v, want %s", by, got, want)
		}
	}
}

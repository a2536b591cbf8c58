package imapd

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// corpus is the test messages that package message keeps.
const corpus = "../internal/message/testdata/corpus"

// TestCorpus uploads every message of the corpus and fetches all there is of
// it with a client that reads answers strictly: the octets are the same, and
// the structure fits them.
func TestCorpus(t *testing.T) {
	f := newFixture(t)
	c := newClient(t, f)
	_, err := c.Select("Archive", nil).Wait()
	check(t, err)
	n := 0
	err = filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			return err
		}
		n++
		cmd := c.Append("Archive", int64(len(text)), nil)
		cmd.Write(text)
		check(t, cmd.Close())
		data, err := cmd.Wait()
		check(t, err)
		whole := &imap.FetchItemBodySection{Peek: true}
		body := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierText}
		header := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
		msgs, err := c.Fetch(imap.UIDSetNum(data.UID), &imap.FetchOptions{
			Envelope: true, RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
			BodySection: []*imap.FetchItemBodySection{whole, header, body},
		}).Collect()
		if err != nil || len(msgs) != 1 {
			t.Fatalf("%s: %d messages, %v", path, len(msgs), err)
		}
		m := msgs[0]
		if m.RFC822Size != int64(len(text)) || !bytes.Equal(m.FindBodySection(whole), text) {
			t.Errorf("%s: RFC822.SIZE %d, BODY[] of %d octets, of %d", path, m.RFC822Size, len(m.FindBodySection(whole)), len(text))
		}
		if !bytes.Equal(append(m.FindBodySection(header), m.FindBodySection(body)...), text) {
			t.Errorf("%s: BODY[HEADER] and BODY[TEXT] aren't BODY[]", path)
		}
		checkParts(t, c, path, data.UID, m.BodyStructure)
		return nil
	})
	check(t, err)
	if n < 200 {
		t.Errorf("only %d messages", n)
	}
}

// checkParts fetches each part by itself: it has the size that the structure
// says, and BINARY is as long as BINARY.SIZE says.
func checkParts(t *testing.T, c *imapclient.Client, path string, uid imap.UID, root imap.BodyStructure) {
	root.Walk(func(at []int, part imap.BodyStructure) bool {
		p, ok := isLeaf(part)
		if !ok {
			return true
		}
		section := &imap.FetchItemBodySection{Peek: true, Part: at}
		binary := &imap.FetchItemBinarySection{Peek: true, Part: at}
		size := &imap.FetchItemBinarySectionSize{Part: at}
		opts := &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}
		if !hasUnknownEncoding(p) {
			opts.BinarySection = []*imap.FetchItemBinarySection{binary}
			opts.BinarySectionSize = []*imap.FetchItemBinarySectionSize{size}
		}
		msgs, err := c.Fetch(imap.UIDSetNum(uid), opts).Collect()
		if err != nil || len(msgs) != 1 {
			t.Errorf("%s: part %v: %d messages, %v", path, at, len(msgs), err)
			return true
		}
		m := msgs[0]
		if got := m.FindBodySection(section); len(got) != int(p.Size) {
			t.Errorf("%s: part %v has %d octets, its structure says %d", path, at, len(got), p.Size)
		}
		if hasUnknownEncoding(p) {
			return true
		}
		said, _ := m.FindBinarySectionSize(size.Part)
		if got := m.FindBinarySection(binary); uint32(len(got)) != said {
			t.Errorf("%s: part %v has %d octets decoded, BINARY.SIZE says %d", path, at, len(got), said)
		}
		return true
	})
}

func isLeaf(part imap.BodyStructure) (*imap.BodyStructureSinglePart, bool) {
	p, ok := part.(*imap.BodyStructureSinglePart)
	return p, ok && p.MessageRFC822 == nil
}

func hasUnknownEncoding(p *imap.BodyStructureSinglePart) bool {
	switch strings.ToLower(p.Encoding) {
	case "", "7bit", "8bit", "binary", "base64", "quoted-printable":
		return false
	}
	return true
}

// TestLongHeader fetches from a header that the store's listing cuts off.
func TestLongHeader(t *testing.T) {
	f := newFixture(t)
	header := "Subject: first\r\n" + strings.Repeat("X-Padding: "+strings.Repeat("x", 60)+"\r\n", 6000) + "X-Last: here\r\n\r\n"
	check(t, f.deliver("alice", "INBOX", []byte(header+"body\r\n")))
	c := newClient(t, f)
	_, err := c.Select("INBOX", nil).Wait()
	check(t, err)
	whole := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
	last := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"X-Last"}}
	body := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierText}
	msgs, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole, last, body}}).Collect()
	check(t, err)
	const trace = "Return-Path: <carol@example.net>\r\n"
	if got := string(msgs[0].FindBodySection(whole)); got != trace+header {
		t.Errorf("BODY[HEADER] has %d octets, want %d", len(got), len(trace+header))
	}
	if got := string(msgs[0].FindBodySection(last)); got != "X-Last: here\r\n\r\n" {
		t.Errorf("HEADER.FIELDS: %q", got)
	}
	if got := string(msgs[0].FindBodySection(body)); got != "body\r\n" {
		t.Errorf("BODY[TEXT]: %q", got)
	}
}

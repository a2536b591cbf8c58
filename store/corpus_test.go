package store

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/message"
)

// TestCorpus stores every message of the corpus, as it stands in its file and
// with CRLF line ends, for two recipients of whom one has a trace of its own:
// all of it comes back byte for byte, with its exact size.
func TestCorpus(t *testing.T) {
	s := openTest(t)
	alice, bob := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	const trace = "Return-Path: <carol@example.org>\r\nDelivered-To: bob@crepes.fr\r\n"
	names, messages := corpus(t)
	type kept struct{ name, octets string }
	var all []kept
	for i, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, octets := range []string{string(raw), messages[i]} {
			all = append(all, kept{name, octets})
			deliver(t, s, octets, Copy{Account: alice}, Copy{Account: bob, Trace: []byte(trace)})
		}
	}
	mine := list(t, s, inboxOf(t, s, alice).ID, everything, WantEnvelope|WantStructure|WantHeader)
	his := list(t, s, inboxOf(t, s, bob).ID, everything, 0)
	if len(mine) != len(all) || len(his) != len(all) {
		t.Fatalf("%d and %d of %d messages", len(mine), len(his), len(all))
	}
	for i, want := range all {
		if n := int64(len(want.octets)); mine[i].Size != n || his[i].Size != n+int64(len(trace)) {
			t.Errorf("%s: %d octets are %d, with a trace of %d %d", want.name, n, mine[i].Size, len(trace), his[i].Size)
		}
		if mine[i].Trace != nil || string(his[i].Trace) != trace || mine[i].Content != his[i].Content {
			t.Errorf("%s: traces %q and %q", want.name, mine[i].Trace, his[i].Trace)
		}
		checkStored(t, s, want.name, want.octets, &mine[i])
	}
}

// checkStored compares a stored message with its octets and with what parsing
// them gives.
func checkStored(t *testing.T, s *Store, name, want string, m *Message) {
	t.Helper()
	p := message.NewParser()
	p.Write([]byte(want))
	parsed := p.Finish()
	c, err := s.Content(t.Context(), m.Content)
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := c.WriteRange(&whole, 0, c.Size()); err != nil || whole.String() != want {
		t.Errorf("%s: came back otherwise: %v", name, err)
	}
	header, err := c.Header()
	if err != nil || string(header) != want[:parsed.HeaderSize] || !bytes.Equal(m.Header, header) {
		t.Errorf("%s: header %q, listed %q, want %q: %v", name, header, m.Header, want[:parsed.HeaderSize], err)
	}
	root, err := c.Root()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if d := cmp.Diff(parsed.Root, root); d != "" {
		t.Errorf("%s: part tree:\n%s", name, d)
	}
	if !bytes.Equal(m.Envelope, parsed.Envelope) || !bytes.Equal(m.Structure, root.AppendBodyStructure(nil, true)) {
		t.Errorf("%s: listed as %s %s", name, m.Envelope, m.Structure)
	}
	if !m.Sent.Equal(parsed.Date) && parsed.Date.Unix() != m.Sent.Unix() {
		t.Errorf("%s: sent %v, not %v", name, m.Sent, parsed.Date)
	}
	checkParts(t, c, name, want, root)
}

// checkParts reads each part alone.
func checkParts(t *testing.T, c *Content, name, whole string, p *message.Part) {
	t.Helper()
	got, err := io.ReadAll(io.NewSectionReader(c, p.Header, p.End-p.Header))
	if err != nil || string(got) != whole[p.Header:p.End] {
		t.Errorf("%s: part at %d to %d came back otherwise: %v", name, p.Header, p.End, err)
	}
	for _, child := range p.Children {
		checkParts(t, c, name, whole, child)
	}
}

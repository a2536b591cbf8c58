package page

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"posthorn/internal/message"
	"posthorn/store"
)

// Bounds of a message taken apart.
const (
	maxFields = 200
	maxValue  = 8 << 10
	maxRaw    = 64 << 10
	// maxParts is how many parts the tree shows, and how deep.
	maxParts = 200
	maxDepth = 20
	// maxDecode is how large a part may be to be decoded for its size.
	maxDecode = 4 << 20
	maxText   = 4 << 10
)

// message takes a message apart.
func (s *server) message(r *http.Request) (any, error) {
	ctx := r.Context()
	st, err := s.Room.Store(r.FormValue("server"))
	if err != nil {
		return nil, err
	}
	m, err := find(ctx, st, r.FormValue("id"))
	if err != nil {
		return nil, err
	}
	content, err := st.Content(ctx, m.content)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	root, err := content.Root()
	if err != nil {
		return nil, err
	}
	out := &Message{MessageLine: m.line, Server: r.FormValue("server")}
	header := append(bytes.Clone(m.trace), m.header...)
	out.Header = fields(header, maxFields)
	out.Received = hops(out.Header)
	out.Envelope = m.sentTo(out.Header)
	out.Original = original(out.Header, m)
	raw, err := beginning(content, 0, content.Size(), maxRaw-int64(min(len(m.trace), maxRaw)))
	if err != nil {
		return nil, err
	}
	out.Raw = strings.ToValidUTF8(string(m.trace)+string(raw), "\uFFFD")
	out.RawTotal = m.line.Octets
	a := &apart{content: content, left: maxParts}
	out.Tree, err = a.part(root, "", 0)
	return out, err
}

// beginning reads at most n octets of what is from start to end.
func beginning(r io.ReaderAt, start, end, n int64) ([]byte, error) {
	b := make([]byte, max(0, min(end-start, n)))
	k, err := r.ReadAt(b, start)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:k], err
}

// value is a field's, the first of that name.
func value(header []Field, name string) string {
	for _, f := range header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// original is what webmail programs call "original message".
func original(header []Field, m *found) Original {
	unchecked := Check{Result: "unchecked"}
	o := Original{
		MessageID: value(header, "Message-ID"), Created: m.created,
		From: value(header, "From"), To: value(header, "To"), Subject: value(header, "Subject"),
		SPF: unchecked, DKIM: unchecked, DMARC: unchecked,
	}
	if len(m.line.Waiting) == 0 {
		o.Delivered = m.line.Arrived
	}
	if !o.Created.IsZero() && !o.Delivered.IsZero() {
		o.After = o.Delivered.Sub(o.Created).Round(time.Millisecond).Seconds()
	}
	return o
}

// sentTo is a message's envelope, as far as it is known, beside its header.
func (m *found) sentTo(header []Field) Envelope {
	if m.envelope == nil {
		return envelope(header)
	}
	m.envelope.compare(header, true)
	return *m.envelope
}

// envelope is what is left of the envelope: the fields that delivery adds.
func envelope(header []Field) Envelope {
	e := Envelope{To: []string{}, Differs: []string{}}
	known := false
	for _, f := range header {
		switch strings.ToLower(f.Name) {
		case "return-path":
			if !known {
				e.From, known = strings.Trim(f.Value, " <>"), true
			}
		case "delivered-to":
			e.To = append(e.To, f.Value)
		}
	}
	e.compare(header, known)
	return e
}

// compare notes where header and envelope do not agree. known: who the sender
// is.
func (e *Envelope) compare(header []Field, known bool) {
	if known && e.From == "" {
		e.Differs = append(e.Differs, "bounce")
	}
	from, to := namedIn(header, "From"), namedIn(header, "To", "Cc")
	if known && e.From != "" && !from.has(e.From) {
		e.Differs = append(e.Differs, "from")
	}
	for _, address := range e.To {
		if !to.has(address) {
			e.Differs = append(e.Differs, "to")
			break
		}
	}
}

// named are the addresses in fields, and the text of those fields that are no
// lists of addresses, in small letters.
type named struct {
	addresses map[string]bool
	others    []string
}

// namedIn reads each field once, however many addresses are looked for then.
func namedIn(header []Field, fields ...string) named {
	n := named{addresses: map[string]bool{}}
	for _, f := range header {
		if !slices.ContainsFunc(fields, func(name string) bool { return strings.EqualFold(f.Name, name) }) {
			continue
		}
		list, err := mail.ParseAddressList(f.Value)
		if err != nil {
			n.others = append(n.others, strings.ToLower(f.Value))
		}
		for _, a := range list {
			n.addresses[strings.ToLower(a.Address)] = true
		}
	}
	return n
}

func (n *named) has(address string) bool {
	address = strings.ToLower(address)
	return n.addresses[address] || slices.ContainsFunc(n.others, func(text string) bool { return strings.Contains(text, address) })
}

// A Received field's clauses (RFC 5321 §4.4), as far as they are of interest.
var (
	receivedClause  = regexp.MustCompile(`(?i)\b(from|by|with|id|for)\s+([^\s;()]+)`)
	receivedComment = regexp.MustCompile(`\([^()]*\)`)
)

// hops are the Received fields, the first station first.
func hops(header []Field) []Hop {
	list := []Hop{}
	for _, f := range header {
		if !strings.EqualFold(f.Name, "Received") {
			continue
		}
		clauses, date, _ := cutLast(f.Value, ";")
		h := Hop{Time: message.ParseDate([]byte(date))}
		for _, m := range receivedClause.FindAllStringSubmatch(receivedComment.ReplaceAllString(clauses, " "), -1) {
			word := clip(strings.Trim(m[2], "<>"), maxShown)
			for name, to := range map[string]*string{"from": &h.From, "by": &h.By, "with": &h.With, "id": &h.ID, "for": &h.For} {
				if strings.EqualFold(m[1], name) && *to == "" {
					*to = word
				}
			}
		}
		list = append([]Hop{h}, list...)
	}
	return list
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// apart is a message on the way to be taken apart.
type apart struct {
	content *store.Content
	left    int // parts that may still be shown
}

func (a *apart) part(p *message.Part, number string, depth int) (Part, error) {
	a.left--
	out := Part{
		Number: number, Type: clip(p.Type+"/"+p.Subtype, maxShown), Params: map[string]string{}, Disposition: clip(p.Disposition, maxShown),
		Encoding: clip(p.Encoding, maxShown), Octets: p.End - p.Body, Decoded: p.End - p.Body, Lines: p.Lines,
	}
	for _, param := range p.Params[:min(len(p.Params), 20)] {
		out.Params[clip(param.Name, maxShown)] = clip(param.Value, maxShown)
	}
	for _, param := range append(append([]message.Param{}, p.DispParams...), message.Param{Name: "filename", Value: p.Param("name")}) {
		if param.Name == "filename" && out.Filename == "" {
			out.Filename = clip(message.DecodeHeader([]byte(param.Value)), maxShown)
		}
	}
	if number != "" {
		header, err := beginning(a.content, p.Header, p.Body, maxValue)
		if err != nil {
			return out, err
		}
		out.Header = fields(header, maxFields)
	}
	if len(p.Children) == 0 {
		return out, a.leaf(p, &out)
	}
	for i, child := range p.Children {
		if a.left <= 0 || depth >= maxDepth {
			break
		}
		name := childNumber(number, p, i)
		c, err := a.part(child, name, depth+1)
		if err != nil {
			return out, err
		}
		out.Parts = append(out.Parts, c)
	}
	return out, nil
}

// childNumber is a part's number as in IMAP (RFC 9051 §6.4.5.1): the message
// that is in a message has the number of the part that holds it.
func childNumber(parent string, p *message.Part, i int) string {
	if p.Message() {
		return parent + ".msg"
	}
	n := itoa(i + 1)
	parent = strings.TrimSuffix(parent, ".msg")
	if parent == "" {
		return n
	}
	return parent + "." + n
}

// leaf shows a part's content, and how it is decoded.
func (a *apart) leaf(p *message.Part, out *Part) error {
	sample, err := beginning(a.content, p.Body, p.End, maxSample)
	if err != nil {
		return err
	}
	more := p.End-p.Body > int64(len(sample))
	charset := ""
	if p.Type == "text" {
		charset = p.Param("charset")
		if charset == "" {
			charset = "us-ascii"
		}
	}
	switch p.Encoding {
	case "base64":
		out.Steps = base64Steps(sample, more, charset)
	case "quoted-printable":
		out.Steps = quotedSteps(sample, more, charset)
	}
	if out.Steps != nil || p.Type == "text" {
		return a.decode(p, out, charset)
	}
	return nil
}

// decode finds how large a part is once it is decoded, and the text in it.
func (a *apart) decode(p *message.Part, out *Part, charset string) error {
	size := p.End - p.Body
	r, err := message.NewDecoder(io.NewSectionReader(a.content, p.Body, min(size, maxDecode)), p.Encoding)
	if err != nil {
		return nil // an encoding that nobody knows: as it is
	}
	var begin bytes.Buffer
	n, err := io.Copy(&head{&begin, maxText}, r)
	if err != nil {
		return err
	}
	if out.Decoded = n; size > maxDecode {
		out.Decoded = -1
	}
	if charset != "" {
		out.Text = toText(begin.Bytes(), charset)
	}
	return nil
}

// head keeps the first octets of what is written to it.
type head struct {
	to   *bytes.Buffer
	left int
}

func (h *head) Write(p []byte) (int, error) {
	n := min(h.left, len(p))
	h.to.Write(p[:n])
	h.left -= n
	return len(p), nil
}

// toText is octets of a charset as UTF-8.
func toText(b []byte, charset string) string {
	if enc, err := htmlindex.Get(charset); err == nil {
		if name, err := htmlindex.Name(enc); err == nil && name != "utf-8" {
			if text, err := enc.NewDecoder().Bytes(b); err == nil {
				b = text
			}
		}
	}
	b = wholeRunes(b)
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// wholeRunes leaves out a character that is not all there, at the end.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= min(3, len(b)); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

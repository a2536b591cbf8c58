// Package recode rewrites a message for a next hop that cannot take it as it
// is: an 8-bit message for one without 8BITMIME, a binary one for one without
// BINARYMIME (RFC 6152 §3, RFC 3030 §3; the encodings are RFC 2045's).
//
// Only what must change does: each part with octets that the hop cannot take
// gets quoted-printable or base64 and the header field that says so. What the
// parts decode to stays the same. What is signed is never touched, nor is a
// header that has such octets itself: then the message cannot be converted.
package recode

import (
	"errors"
	"fmt"
	"io"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// ErrCannot: the message has no form that the channel takes.
var ErrCannot = errors.New("it cannot be converted")

// Channel is what a next hop can take.
type Channel uint8

const (
	// SevenBit: lines of ASCII.
	SevenBit Channel = iota
	// EightBit: lines of any octets but NUL.
	EightBit
)

func (c Channel) String() string {
	if c == SevenBit {
		return "7-bit"
	}
	return "8-bit"
}

// encoding is what a composite part says of itself there.
func (c Channel) encoding() string {
	if c == SevenBit {
		return "7bit"
	}
	return "8bit"
}

// maxLine is how long a line may be, without its CRLF (RFC 5321 §4.5.3.1.6).
const maxLine = 998

// maxHeader bounds the header of a part that has to be changed.
const maxHeader = 1 << 20

// Message is a message that is rewritten as it is written. It holds the plan
// of that, not the message.
type Message struct {
	src      mail.Content
	pieces   []piece
	eightBit bool
}

// piece is a run of octets of what is written: text, when set, or the source's
// octets from off to off+n, in an encoding.
type piece struct {
	text     []byte
	off, n   int64
	encoding encoding
}

// New finds out how src must be changed for a channel. It reads all of it, a
// few times. Errors wrap ErrCannot, or are those of src.
func New(src mail.Content, channel Channel) (*Message, error) {
	p := message.NewParser()
	if err := src.WriteRange(p, 0, src.Size()); err != nil {
		return nil, err
	}
	parsed := p.Finish()
	r := &recoder{msg: &Message{src: src}, channel: channel}
	if err := r.part(parsed.Root, true); err != nil {
		return nil, err
	}
	if err := r.upTo(src.Size()); err != nil {
		return nil, err
	}
	return r.msg, nil
}

// EightBit reports whether the result has octets beyond ASCII.
func (m *Message) EightBit() bool { return m.eightBit }

// Write writes the message in its new form.
func (m *Message) Write(w io.Writer) error {
	for _, p := range m.pieces {
		if p.text != nil {
			if _, err := w.Write(p.text); err != nil {
				return err
			}
			continue
		}
		e := newEncoder(w, p.encoding)
		if err := m.src.WriteRange(e, p.off, p.n); err != nil {
			return err
		}
		if err := e.Close(); err != nil {
			return err
		}
	}
	return nil
}

// recoder makes the plan of a Message.
type recoder struct {
	msg     *Message
	channel Channel
	at      int64 // so far is planned
	parts   int
}

// plan adds the source's octets up to an offset, in an encoding.
func (r *recoder) plan(to int64, e encoding) {
	if to <= r.at {
		return
	}
	if k := len(r.msg.pieces) - 1; k >= 0 && e == verbatim && r.msg.pieces[k].text == nil && r.msg.pieces[k].encoding == verbatim {
		r.msg.pieces[k].n += to - r.at
	} else {
		r.msg.pieces = append(r.msg.pieces, piece{off: r.at, n: to - r.at, encoding: e})
	}
	r.at = to
}

// keep plans octets as they are; t is what they are like.
func (r *recoder) keep(to int64, t traits) {
	r.msg.eightBit = r.msg.eightBit || t.eightBit > 0
	r.plan(to, verbatim)
}

// upTo plans what stands between parts: boundaries, and text that nobody is to
// see (RFC 2046 §5.1.1), which may be changed.
func (r *recoder) upTo(to int64) error {
	if to <= r.at {
		return nil
	}
	t, err := r.look(r.at, to)
	if err != nil {
		return err
	}
	if r.passes(t) {
		r.keep(to, t)
	} else {
		r.plan(to, scrubbed)
	}
	return nil
}

// passes reports whether octets can go through the channel at all.
func (r *recoder) passes(t traits) bool {
	return t.binary == 0 && (r.channel == EightBit || t.eightBit == 0)
}

// look finds out what octets there are between two offsets.
func (r *recoder) look(from, to int64) (traits, error) {
	var s scanner
	if err := r.msg.src.WriteRange(&s, from, to-from); err != nil {
		return traits{}, err
	}
	return s.finish(), nil
}

// part plans one part with all that is in it. isMessage says that its header
// is a message's.
func (r *recoder) part(p *message.Part, isMessage bool) error {
	r.parts++
	if p.Header < r.at || p.Body < p.Header || p.End < p.Body {
		return fmt.Errorf("%w: its parts overlap", ErrCannot)
	}
	if err := r.upTo(p.Header); err != nil {
		return err
	}
	t, err := r.look(p.Header, p.Body)
	if err != nil {
		return err
	}
	if !r.passes(t) {
		return fmt.Errorf("%w: a header has characters that only an 8-bit server takes", ErrCannot)
	}
	r.msg.eightBit = r.msg.eightBit || t.eightBit > 0
	if len(p.Children) == 0 {
		return r.leaf(p, isMessage)
	}
	if p.Multipart() && (p.Subtype == "signed" || p.Subtype == "encrypted") {
		return r.untouchable(p, "what is signed or encrypted must stay as it is")
	}
	if r.parts >= message.MaxParts {
		return r.untouchable(p, "it has too many parts")
	}
	// The encoding of what has parts says what is in them (RFC 2045 §6.4).
	switch p.Encoding {
	case "8bit", "binary":
		if err := r.header(p, r.channel.encoding(), "", false); err != nil {
			return err
		}
	case "7bit":
		r.plan(p.Body, verbatim)
	default:
		return r.untouchable(p, "a part that has parts is encoded")
	}
	for _, child := range p.Children {
		// A message inside a message cannot be encoded as a whole (RFC 2046
		// §5.2.1): its own parts are.
		if err := r.part(child, p.Message()); err != nil {
			return err
		}
	}
	return r.upTo(p.End)
}

// untouchable plans a part that may not be changed: as it is, or not at all.
func (r *recoder) untouchable(p *message.Part, why string) error {
	t, err := r.look(p.Body, p.End)
	if err != nil {
		return err
	}
	if !r.passes(t) {
		return fmt.Errorf("%w: %s", ErrCannot, why)
	}
	r.plan(p.Body, verbatim)
	r.keep(p.End, t)
	return nil
}

// leaf plans a part without parts.
func (r *recoder) leaf(p *message.Part, isMessage bool) error {
	t, err := r.look(p.Body, p.End)
	if err != nil {
		return err
	}
	switch {
	case r.passes(t) && t.longest <= maxLine:
		r.plan(p.Body, verbatim)
		r.keep(p.End, t)
		return nil
	case p.Type == "message" && !mayEncode[p.Subtype]:
		return r.untouchable(p, "a part of type message/"+p.Subtype+" must not be encoded")
	case r.parts >= message.MaxParts:
		return r.untouchable(p, "it has too many parts")
	}
	switch p.Encoding {
	case "7bit", "8bit", "binary":
	case "quoted-printable":
		r.plan(p.Body, verbatim)
		r.plan(p.End, requoted)
		return nil
	case "base64":
		r.plan(p.Body, verbatim)
		r.plan(p.End, scrubbed64)
		return nil
	default:
		return r.untouchable(p, "a part has an encoding that this server does not know")
	}
	e := t.best()
	contentType := ""
	if isMessage {
		contentType = t.unlabelled()
	}
	if err := r.header(p, e.String(), contentType, isMessage); err != nil {
		return err
	}
	r.plan(p.End, e)
	if e == base64 && isMessage {
		r.msg.pieces = append(r.msg.pieces, piece{text: []byte("\r\n")})
	}
	return nil
}

// mayEncode are the subtypes of message that may have an encoding: RFC 6532
// §3.7 and RFC 6533 §4.4 lift the ban of RFC 2045 §6.4 for them.
var mayEncode = map[string]bool{"global": true, "global-headers": true, "global-delivery-status": true}

// header plans a part's header with another Content-Transfer-Encoding.
// contentType is added where there is none and it is not empty; a message's
// header has to have MIME-Version as well.
func (r *recoder) header(p *message.Part, encoding, contentType string, isMessage bool) error {
	if p.Body-p.Header > maxHeader {
		return fmt.Errorf("%w: a header is too large", ErrCannot)
	}
	var b buffer
	if err := r.msg.src.WriteRange(&b, p.Header, p.Body-p.Header); err != nil {
		return err
	}
	if len(p.Children) == 0 && isComposite(b) {
		return fmt.Errorf("%w: a multipart has no boundaries, or is nested too deep", ErrCannot)
	}
	r.msg.pieces = append(r.msg.pieces, piece{text: relabel(b, encoding, contentType, isMessage)})
	r.at = p.Body
	return nil
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

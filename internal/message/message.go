// Package message takes a message apart once, at delivery: part offsets,
// ENVELOPE, BODYSTRUCTURE; and reads its text when that is searched. Nothing in
// it ever changes a byte of the message, and nothing in a message can make it
// fail.
//
//	message.go    Parsed, Part, and all bounds
//	parser.go     a message as it streams past
//	tree.go       … the parts that are open
//	header.go     … a header's lines
//	field.go      … those that matter
//	params.go     Content-Type and its kin
//	address.go    address lists
//	mailbox.go    … an element of one
//	words.go      encoded words
//	date.go       dates
//	charset.go    charsets
//	utf7.go       … the one that x/text lacks
//	transfer.go   transfer encodings
//	envelope.go   ENVELOPE
//	structure.go  BODYSTRUCTURE
//	quote.go      IMAP strings
//	ascii.go      … for clients without UTF-8
//	section.go    BODY[…]: from a section to octets
//	binary.go     a part tree as it is stored
//	text.go       the text that SEARCH looks into
//	extract.go    … taken out of a part
//	html.go       … and out of HTML
//	fold.go       text without regard to case
//	preview.go    how a message begins
//	keys.go       what SORT and THREAD compare
//	subject.go    … a subject without its "Re:"
package message

import "time"

// What a stranger's message can make grow, and how far.
const (
	// maxDepth is how deep parts nest before what is inside is taken for text:
	// recursion on a stranger's message must end somewhere.
	maxDepth = 100

	// MaxParts bounds the part tree of one message; further parts are left
	// inside the last.
	MaxParts = 10000

	// maxFields bounds the octets of field values that are kept for all
	// envelopes and part descriptions of one message together. What comes after
	// is as good as absent. It is a hundred times what large messages need.
	maxFields = 8 << 20

	// maxField bounds the octets of one field that are looked at. Those that an
	// envelope shows, which is stored with every copy of a message, have bounds of
	// their own: maxRecipients To, Cc and Bcc, for some 4,000 addresses each,
	// maxSender From, Sender and Reply-To, since it may show one thrice, and
	// maxShown the others.
	maxField      = 512 << 10
	maxRecipients = 128 << 10
	maxSender     = 16 << 10
	maxShown      = 64 << 10

	// maxAddresses bounds the addresses in all envelopes of one message: a
	// rendered address is ten times as long as the shortest in a header.
	maxAddresses = 25000

	// maxParams bounds the parameters of one field, counting each section of
	// an RFC 2231 continuation.
	maxParams = 500

	// maxLine is the length from which on a line is handled in pieces.
	maxLine = 32 << 10
)

// Parsed is what there is to know about a message.
type Parsed struct {
	// Size is the number of octets, HeaderSize those of the header with the
	// blank line that ends it (the whole message where there is none). Text
	// that begins without a header, as one types it over telnet, has its header
	// end without a blank line where that text begins.
	Size, HeaderSize int64
	// Root is the message itself as a part; its offsets count from the
	// message's first octet.
	Root *Part
	// Envelope is the ENVELOPE (RFC 9051 §7.5.2) as IMAP sends it, parentheses
	// included, non-ASCII text as UTF-8. ASCII makes it fit for a client that
	// did not enable UTF-8.
	Envelope []byte
	// Date is the Date field's time, zero where there is none to be read.
	Date time.Time
	// EightBit: there are octets above 127. Binary: there are NULs, bare CRs
	// or LFs, or lines over 998 octets. HeaderUTF8: there are octets above 127
	// in a header (of the message or of a part): it needs SMTPUTF8.
	EightBit, Binary, HeaderUTF8 bool
	// Received is the number of Received fields on top: the hops so far.
	Received int
}

// Param is one attribute of a Content-Type or Content-Disposition, decoded
// (RFC 2231 continuations and charsets, RFC 2047 words).
type Param struct{ Name, Value string }

// Part is one node of a message's MIME tree (RFC 2045).
type Part struct {
	// Header is the offset of the part's header, Body that of its content, End
	// that of the octet after its content. The line end before a boundary
	// belongs to the boundary (RFC 2046 §5.1.1), also when it is the blank line
	// after the header.
	Header, Body, End int64
	// Lines is the number of line ends in the content.
	Lines int64

	// Type and Subtype are in lower case; text/plain by default. A multipart in
	// which no part begins is presented as text/plain, so that its text can be
	// read; so is what nests deeper than maxDepth. A message/rfc822 that is
	// encoded, against RFC 2045 §6.4, is an application/octet-stream: its
	// parts have no offsets in the message.
	Type, Subtype string
	Params        []Param
	ID            string
	Description   string
	Encoding      string // in lower case; 7bit by default
	MD5           string
	Disposition   string // in lower case, empty when absent
	DispParams    []Param
	Language      []string
	Location      string

	// Envelope is a message/rfc822 part's own envelope; Children then holds
	// that message as one part. Of a multipart, Children holds the parts: at
	// least one (RFC 9051 has no empty multipart).
	Envelope []byte
	Children []*Part
}

// Multipart reports whether p holds parts.
func (p *Part) Multipart() bool { return p.Type == "multipart" }

// Message reports whether p holds a message whose parts can be named:
// message/rfc822 or message/global (RFC 6532).
func (p *Part) Message() bool {
	return p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

// Param returns the Content-Type's parameter of that name (in lower case).
func (p *Part) Param(name string) string { return param(p.Params, name) }

func param(ps []Param, name string) string {
	for i := range ps {
		if ps[i].Name == name {
			return ps[i].Value
		}
	}
	return ""
}

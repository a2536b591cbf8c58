// Package message takes a message apart once, at delivery: part offsets,
// ENVELOPE, BODYSTRUCTURE and searchable text. Nothing in it ever changes a
// byte of the message, and nothing in a message can make it fail.
package message

import "time"

// A Parser reads a message as it streams past: write the octets to it in
// pieces of any size, then call Finish. It holds no more than the header, the
// part tree and the (bounded) searchable text. It never fails: a malformed
// message gets the structure that a careful reader would give it.
type Parser struct{}

// NewParser returns a Parser for one message.
func NewParser() *Parser { return &Parser{} }

// Write takes the next octets of the message. It never returns an error.
func (p *Parser) Write(b []byte) (int, error) { return len(b), nil }

// Finish ends the message. The Parser must not be used afterwards.
func (p *Parser) Finish() *Parsed { return &Parsed{Root: &Part{}} }

// Parsed is what there is to know about a message.
type Parsed struct {
	// Size is the number of octets, HeaderSize those of the header with the
	// blank line that ends it (the whole message where there is none).
	Size, HeaderSize int64
	// Root is the message itself as a part; its offsets count from the
	// message's first octet.
	Root *Part
	// Envelope is the ENVELOPE (RFC 9051 §7.5.2) as IMAP sends it, parentheses
	// included, non-ASCII text as UTF-8. ASCII makes it fit for a client that
	// did not enable UTF-8.
	Envelope []byte
	// Text is the decoded text for SEARCH, folded by Fold.
	Text Text
	// Date is the Date field's time, zero where there is none to be read.
	Date time.Time
	// EightBit: there are octets above 127. Binary: there are NULs, bare CRs
	// or LFs, or lines over 998 octets. HeaderUTF8: there are octets above 127
	// in a header (of the message or of a part): it needs SMTPUTF8.
	EightBit, Binary, HeaderUTF8 bool
	// Received is the number of Received fields on top: the hops so far.
	Received int
}

// Text is what SEARCH looks into, folded (i;unicode-casemap, RFC 5051) so that
// a search is a search for bytes.
type Text struct {
	// Header is the whole header, unfolded and with encoded words decoded, a
	// line "name: value\n" per field.
	Header []byte
	// Body is the decoded text of all text parts, and of the headers of nested
	// messages.
	Body []byte
	// Truncated: the body has more text than was kept (MaxText); what is
	// beyond must be read from the message itself.
	Truncated bool
}

// MaxText is the most octets of folded body text that are kept of a message.
const MaxText = 1 << 20

// MaxDepth is how deep parts nest before what is inside is taken for text:
// recursion on a stranger's message must end somewhere.
const MaxDepth = 100

// MaxParts bounds the part tree of one message; further parts are left inside
// the last.
const MaxParts = 10000

// Param is one attribute of a Content-Type or Content-Disposition, decoded
// (RFC 2231 continuations and charsets, RFC 2047 words).
type Param struct{ Name, Value string }

// Part is one node of a message's MIME tree (RFC 2045).
type Part struct {
	// Header is the offset of the part's header, Body that of its content, End
	// that of the octet after its content. The line end before a boundary
	// belongs to the boundary (RFC 2046 §5.1.1).
	Header, Body, End int64
	// Lines is the number of lines of the content.
	Lines int64

	Type, Subtype string // in lower case; text/plain by default
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

// AppendBodyStructure writes the part as BODYSTRUCTURE (extended) or BODY
// (RFC 9051 §7.5.2), non-ASCII text as UTF-8.
func (p *Part) AppendBodyStructure(b []byte, extended bool) []byte { return b }

// Find returns the part that an IMAP section's numbers name, such as [1 2], or
// nil. Of no numbers it returns p itself.
func (p *Part) Find(path []int) *Part { return nil }

// AppendBinary writes the tree in the compact form in which it is stored.
func (p *Part) AppendBinary(b []byte) []byte { return b }

// ReadPart reads what AppendBinary wrote.
func ReadPart(b []byte) (*Part, error) { return &Part{}, nil }

// ASCII rewrites a rendered envelope or body structure for a client that did
// not enable UTF-8 (RFC 6855): strings with other octets become RFC 2047
// encoded words. It returns b itself where there is nothing to do.
func ASCII(b []byte) []byte { return b }

// Fold maps text for comparison under i;unicode-casemap (RFC 5051): NFKD
// decomposition after mapping to title case.
func Fold(dst []byte, text string) []byte { return append(dst, text...) }

// DecodeHeader decodes a field's value for people: unfolded, RFC 2047 encoded
// words and raw 8-bit octets turned into UTF-8.
func DecodeHeader(value []byte) string { return string(value) }

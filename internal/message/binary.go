package message

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"
)

// The first octet of a stored tree. firstVersion, which is written no more, has
// texts as their length and their octets, and no checksum.
const (
	firstVersion = 1
	treeVersion  = 2
)

// ErrTree is returned for a stored part tree that cannot be read.
var ErrTree = errors.New("message: damaged part tree")

// AppendBinary writes the tree in the compact form in which it is stored: a
// version octet, then each part with its children after it, then a checksum.
// Offsets are written as distances, texts as treeWriter.text says.
func (p *Part) AppendBinary(b []byte) []byte {
	w := treeWriter{b: append(b, treeVersion), known: knownWords()}
	w.part(p, 0)
	return appendTreeSum(w.b, len(b))
}

// treeSumSize is how long the checksum is.
const treeSumSize = 4

// appendTreeSum appends the checksum of what stands in b from from on.
func appendTreeSum(b []byte, from int) []byte {
	return binary.LittleEndian.AppendUint32(b, treeSum(b[from:]))
}

func treeSum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// What a part has beside the octets' places.
const (
	hasParams = 1 << iota
	hasID
	hasDescription
	hasMD5
	hasDisposition
	hasLanguage
	hasLocation
	hasEnvelope
)

// treeWords are the words that most trees are made of. The numbers are stored:
// words may be added behind the last, up to treeAgain.
var treeWords = [...]string{
	"", "text", "plain", "html", "7bit", "8bit", "quoted-printable", "base64", "binary", "multipart", "alternative", "mixed",
	"related", "report", "signed", "encrypted", "digest", "boundary", "charset", "utf-8", "us-ascii", "iso-8859-1", "windows-1252",
	"format", "flowed", "delsp", "yes", "type", "name", "filename", "attachment", "inline", "application", "octet-stream", "pdf",
	"zip", "msword", "image", "jpeg", "png", "gif", "svg+xml", "message", "rfc822", "delivery-status", "calendar", "method", "REQUEST",
	"text/html", "text/plain", "multipart/alternative", "protocol", "micalg", "pgp-signature", "pkcs7-signature", "size",
	"creation-date", "modification-date", "UTF-8", "iso-8859-15", "iso-2022-jp", "gb2312", "windows-1258", "audio", "video", "mp4",
	"vnd.openxmlformats-officedocument.wordprocessingml.document", "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"ms-tnef", "csv", "x-zip-compressed", "vnd.ms-excel", "rtf", "xml", "calendar; method=REQUEST", "ics", "report-type", "reply-type",
	"original", "start", "disposition-notification", "rfc822-headers", "x-unix-mode", "0644", "reply", "en", "en-US", "vi",
}

const (
	// treeAgain is the number of a text that is the last one but so many of
	// those that are no words: a file's name is given twice.
	treeAgain = 256
	maxAgain  = 4
)

// knownWords are the words' numbers.
var knownWords = sync.OnceValue(func() map[string]uint64 {
	m := make(map[string]uint64, len(treeWords))
	for i, word := range treeWords {
		m[word] = uint64(i)
	}
	return m
})

// treeWriter writes a tree.
type treeWriter struct {
	b     []byte
	known map[string]uint64
	last  lastTexts
}

// lastTexts are the last texts that were no words.
type lastTexts struct {
	ring [maxAgain]string
	n    int // how many there ever were
}

func (l *lastTexts) add(s string) {
	l.ring[l.n%maxAgain] = s
	l.n++
}

// ago is the text before which i others came since: the latest is 0 ago.
func (l *lastTexts) ago(i int) string { return l.ring[uint(l.n-1-i)%maxAgain] }

func (w *treeWriter) part(p *Part, from int64) {
	w.number(uint64(p.Header - from))
	w.number(uint64(p.Body - p.Header))
	w.number(uint64(p.End - p.Body))
	w.number(uint64(p.Lines))
	w.text(p.Type)
	w.text(p.Subtype)
	w.text(p.Encoding)
	has := byte(0)
	set := func(bit byte, on bool) {
		if on {
			has |= bit
		}
	}
	set(hasParams, len(p.Params) > 0)
	set(hasID, p.ID != "")
	set(hasDescription, p.Description != "")
	set(hasMD5, p.MD5 != "")
	set(hasDisposition, p.Disposition != "")
	set(hasLanguage, len(p.Language) > 0)
	set(hasLocation, p.Location != "")
	set(hasEnvelope, p.Envelope != nil)
	w.b = append(w.b, has)
	if has&hasParams != 0 {
		w.params(p.Params)
	}
	if has&hasID != 0 {
		w.text(p.ID)
	}
	if has&hasDescription != 0 {
		w.text(p.Description)
	}
	if has&hasMD5 != 0 {
		w.text(p.MD5)
	}
	if has&hasDisposition != 0 {
		w.text(p.Disposition)
		w.params(p.DispParams)
	}
	if has&hasLanguage != 0 {
		w.number(uint64(len(p.Language)))
		for _, lang := range p.Language {
			w.text(lang)
		}
	}
	if has&hasLocation != 0 {
		w.text(p.Location)
	}
	if has&hasEnvelope != 0 {
		w.number(uint64(len(p.Envelope)))
		w.b = append(w.b, p.Envelope...)
	}
	w.number(uint64(len(p.Children)))
	for _, child := range p.Children {
		w.part(child, p.Body)
	}
}

func (w *treeWriter) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

// text writes a text: an even number is twice the length of the octets that
// follow, an odd one is that of a word, or of a text that was there before.
func (w *treeWriter) text(s string) {
	if n, ok := w.known[s]; ok {
		w.number(n<<1 | 1)
		return
	}
	for i := range maxAgain {
		if w.last.ago(i) == s {
			w.number(uint64(treeAgain+i)<<1 | 1)
			return
		}
	}
	w.last.add(s)
	w.number(uint64(len(s)) << 1)
	w.b = append(w.b, s...)
}

func (w *treeWriter) params(params []Param) {
	w.number(uint64(len(params)))
	for _, p := range params {
		w.text(p.Name)
		w.text(p.Value)
	}
}

// ReadPart reads what AppendBinary wrote, in whatever version, and returns
// ErrTree for anything else.
func ReadPart(b []byte) (*Part, error) { return new(TreeReader).Read(b) }

// TreeHeaderSize is the size of the message's header, with the blank line after
// it, as a stored tree has it. ErrTree.
func TreeHeaderSize(b []byte) (int64, error) {
	r := new(TreeReader)
	if !r.begin(b) {
		return 0, ErrTree
	}
	size := r.number() + r.number()
	if r.bad || size < 0 {
		return 0, ErrTree
	}
	return size, nil
}

// TreeReader reads many trees with little memory. It is used by one goroutine
// at a time.
type TreeReader struct {
	s     string // what is left to read; the texts are parts of it
	first bool   // of firstVersion
	bad   bool   // it can't be read: all that follows is zero
	last  lastTexts

	met    int    // parts in the tree
	parts  []Part // the memory of parts, of which some are used
	used   int
	params []Param // the memory of parameters
}

// Read is ReadPart of which the tree is valid until the next.
func (r *TreeReader) Read(b []byte) (*Part, error) {
	if !r.begin(b) {
		return nil, ErrTree
	}
	p := r.part(0, 1)
	if r.bad || len(r.s) > 0 {
		return nil, ErrTree
	}
	return p, nil
}

// begin looks at what stands around a tree.
func (r *TreeReader) begin(b []byte) bool {
	if len(b) == 0 || b[0] != treeVersion && b[0] != firstVersion {
		return false
	}
	first := b[0] == firstVersion
	if !first {
		n := len(b) - treeSumSize
		if n < 1 || treeSum(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
			return false
		}
		b = b[:n]
	}
	*r = TreeReader{s: string(b[1:]), first: first, parts: r.parts, params: r.params[:0]}
	return true
}

func (r *TreeReader) fail() { r.bad, r.s = true, "" }

// number reads a varint, as binary.Uvarint does.
func (r *TreeReader) number() int64 {
	v, shift := uint64(0), 0
	for i := range len(r.s) {
		c := r.s[i]
		if shift == 63 {
			break
		}
		if c < 0x80 {
			r.s = r.s[i+1:]
			if v |= uint64(c) << shift; v > 1<<62 {
				break
			}
			return int64(v)
		}
		v |= uint64(c&0x7f) << shift
		shift += 7
	}
	r.fail()
	return 0
}

func (r *TreeReader) octets(n int64) string {
	if n > int64(len(r.s)) {
		r.fail()
		return ""
	}
	v := r.s[:n]
	r.s = r.s[n:]
	return v
}

func (r *TreeReader) text() string {
	n := r.number()
	switch {
	case r.first:
		return r.octets(n)
	case n&1 == 0:
		s := r.octets(n >> 1)
		r.last.add(s)
		return s
	}
	switch n >>= 1; {
	case n < int64(len(treeWords)):
		return treeWords[n]
	case treeAgain <= n && n < treeAgain+maxAgain:
		return r.last.ago(int(n - treeAgain))
	}
	r.fail()
	return ""
}

// count reads how many things follow, each at least so many octets long.
func (r *TreeReader) count(least int) int {
	n := r.number()
	if n > int64(len(r.s)/least) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *TreeReader) octet() byte {
	if len(r.s) == 0 {
		r.fail()
		return 0
	}
	v := r.s[0]
	r.s = r.s[1:]
	return v
}

func (r *TreeReader) readParams() []Param {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	from := len(r.params)
	for i := 0; i < n && !r.bad; i++ {
		r.params = append(r.params, Param{Name: r.text(), Value: r.text()})
	}
	return r.params[from:len(r.params):len(r.params)]
}

// maxNewParts is how many parts memory is taken for at a time.
const maxNewParts = 15

// leastPart is how many octets a part takes at least.
const leastPart = 9

// newPart is a part without anything.
func (r *TreeReader) newPart() *Part {
	if r.used == len(r.parts) {
		r.parts, r.used = make([]Part, min(2*len(r.parts)+1, maxNewParts)), 0 // those before stay for the tree
	}
	p := &r.parts[r.used]
	r.used++
	*p = Part{Children: p.Children[:0]}
	return p
}

func (r *TreeReader) part(from int64, depth int) *Part {
	if r.met++; r.met > MaxParts || depth > maxDepth {
		r.fail()
		return nil
	}
	p := r.newPart()
	p.Header = from + r.number()
	p.Body = p.Header + r.number()
	p.End = p.Body + r.number()
	p.Lines = r.number()
	if p.Header < 0 || p.Body < 0 || p.End < 0 {
		r.fail()
		return nil
	}
	p.Type, p.Subtype, p.Encoding = r.text(), r.text(), r.text()
	r.optional(p)
	for n := r.count(leastPart); n > 0 && !r.bad; n-- {
		p.Children = append(p.Children, r.part(p.Body, depth+1))
	}
	return p
}

func (r *TreeReader) optional(p *Part) {
	has := r.octet()
	if has&hasParams != 0 {
		p.Params = r.readParams()
	}
	if has&hasID != 0 {
		p.ID = r.text()
	}
	if has&hasDescription != 0 {
		p.Description = r.text()
	}
	if has&hasMD5 != 0 {
		p.MD5 = r.text()
	}
	if has&hasDisposition != 0 {
		p.Disposition = r.text()
		p.DispParams = r.readParams()
		if p.Disposition == "" {
			r.fail() // nothing writes parameters of no disposition
		}
	}
	if has&hasLanguage != 0 {
		for n := r.count(1); n > 0 && !r.bad; n-- {
			p.Language = append(p.Language, r.text())
		}
	}
	if has&hasLocation != 0 {
		p.Location = r.text()
	}
	if has&hasEnvelope != 0 {
		p.Envelope = []byte(r.octets(r.number()))
	}
}

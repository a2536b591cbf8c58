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

// lastTexts are the last texts that were no words, the latest first.
type lastTexts [maxAgain]string

func (l *lastTexts) add(s string) {
	copy(l[1:], l[:])
	l[0] = s
}

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
	for i, t := range w.last {
		if t == s {
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
func ReadPart(b []byte) (*Part, error) {
	if len(b) == 0 || b[0] != treeVersion && b[0] != firstVersion {
		return nil, ErrTree
	}
	first := b[0] == firstVersion
	if !first {
		n := len(b) - treeSumSize
		if n < 1 || treeSum(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
			return nil, ErrTree
		}
		b = b[:n]
	}
	r := treeReader{b: b[1:], first: first}
	p := r.part(0, 1)
	if r.bad || len(r.b) > 0 {
		return nil, ErrTree
	}
	return p, nil
}

// treeReader reads with an error that stays: after it everything is zero.
type treeReader struct {
	b     []byte
	first bool // of firstVersion
	parts int
	bad   bool
	last  lastTexts
}

func (r *treeReader) fail() { r.bad, r.b = true, nil }

func (r *treeReader) number() int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<62 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *treeReader) bytes(n int64) []byte {
	if n > int64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *treeReader) text() string {
	n := r.number()
	switch {
	case r.first:
		return string(r.bytes(n))
	case n&1 == 0:
		s := string(r.bytes(n >> 1))
		r.last.add(s)
		return s
	}
	switch n >>= 1; {
	case n < int64(len(treeWords)):
		return treeWords[n]
	case treeAgain <= n && n < treeAgain+maxAgain:
		return r.last[n-treeAgain]
	}
	r.fail()
	return ""
}

// count reads how many things follow, each at least one octet long.
func (r *treeReader) count() int {
	n := r.number()
	if n > int64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *treeReader) octet() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *treeReader) params() []Param {
	n := r.count()
	if n == 0 || r.bad {
		return nil
	}
	params := make([]Param, 0, min(n, maxParams))
	for i := 0; i < n && !r.bad; i++ {
		params = append(params, Param{Name: r.text(), Value: r.text()})
	}
	return params
}

func (r *treeReader) part(from int64, depth int) *Part {
	if r.parts++; r.parts > MaxParts || depth > MaxDepth {
		r.fail()
		return nil
	}
	p := &Part{}
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
	n := r.count()
	if n > 0 && !r.bad {
		p.Children = make([]*Part, 0, min(n, MaxParts))
	}
	for i := 0; i < n && !r.bad; i++ {
		p.Children = append(p.Children, r.part(p.Body, depth+1))
	}
	return p
}

func (r *treeReader) optional(p *Part) {
	has := r.octet()
	if has&hasParams != 0 {
		p.Params = r.params()
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
		p.DispParams = r.params()
	}
	if has&hasLanguage != 0 {
		n := r.count()
		for i := 0; i < n && !r.bad; i++ {
			p.Language = append(p.Language, r.text())
		}
	}
	if has&hasLocation != 0 {
		p.Location = r.text()
	}
	if has&hasEnvelope != 0 {
		p.Envelope = append([]byte{}, r.bytes(r.number())...)
	}
}

package message

import (
	"encoding/binary"
	"errors"
)

// treeVersion is the first octet of a stored tree.
const treeVersion = 1

// ErrTree is returned for a stored part tree that cannot be read.
var ErrTree = errors.New("message: damaged part tree")

// AppendBinary writes the tree in the compact form in which it is stored: a
// version octet, then each part with its children after it. Offsets are
// written as distances.
func (p *Part) AppendBinary(b []byte) []byte {
	return p.appendPart(append(b, treeVersion), 0)
}

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

func (p *Part) appendPart(b []byte, from int64) []byte {
	b = binary.AppendUvarint(b, uint64(p.Header-from))
	b = binary.AppendUvarint(b, uint64(p.Body-p.Header))
	b = binary.AppendUvarint(b, uint64(p.End-p.Body))
	b = binary.AppendUvarint(b, uint64(p.Lines))
	b = appendText(b, p.Type)
	b = appendText(b, p.Subtype)
	b = appendText(b, p.Encoding)
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
	b = append(b, has)
	if has&hasParams != 0 {
		b = appendParamList(b, p.Params)
	}
	if has&hasID != 0 {
		b = appendText(b, p.ID)
	}
	if has&hasDescription != 0 {
		b = appendText(b, p.Description)
	}
	if has&hasMD5 != 0 {
		b = appendText(b, p.MD5)
	}
	if has&hasDisposition != 0 {
		b = appendParamList(appendText(b, p.Disposition), p.DispParams)
	}
	if has&hasLanguage != 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Language)))
		for _, lang := range p.Language {
			b = appendText(b, lang)
		}
	}
	if has&hasLocation != 0 {
		b = appendText(b, p.Location)
	}
	if has&hasEnvelope != 0 {
		b = appendText(b, p.Envelope)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Children)))
	for _, child := range p.Children {
		b = child.appendPart(b, p.Body)
	}
	return b
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendParamList(b []byte, params []Param) []byte {
	b = binary.AppendUvarint(b, uint64(len(params)))
	for _, p := range params {
		b = appendText(appendText(b, p.Name), p.Value)
	}
	return b
}

// ReadPart reads what AppendBinary wrote, and returns ErrTree for anything
// else.
func ReadPart(b []byte) (*Part, error) {
	if len(b) == 0 || b[0] != treeVersion {
		return nil, ErrTree
	}
	r := treeReader{b: b[1:]}
	p := r.part(0, 1)
	if r.bad || len(r.b) > 0 {
		return nil, ErrTree
	}
	return p, nil
}

// treeReader reads with an error that stays: after it everything is zero.
type treeReader struct {
	b     []byte
	parts int
	bad   bool
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

func (r *treeReader) bytes() []byte {
	n := r.number()
	if n > int64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *treeReader) text() string { return string(r.bytes()) }

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
		p.Envelope = append([]byte{}, r.bytes()...)
	}
}

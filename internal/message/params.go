package message

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// describe fills in what the header's MIME fields say of a part (RFC 2045). In
// a digest a part without a Content-Type is a message (RFC 2046 §5.1.5).
func (p *Part) describe(f *fields, digest bool) {
	p.setType(f.get(fieldType), digest)
	p.Encoding = "7bit"
	if v := firstToken(f.get(fieldEncoding)); v != "" {
		p.Encoding = v
	}
	p.ID = plainText(f.get(fieldContentID))
	p.Description = plainText(f.get(fieldDescription))
	p.MD5 = plainText(f.get(fieldMD5))
	p.Location = plainText(f.get(fieldLocation))
	for lang := range bytes.SplitSeq(f.get(fieldLanguage), []byte{','}) {
		if s := plainText(trimSpace(stripComments(lang))); s != "" && len(p.Language) < maxParams {
			p.Language = append(p.Language, s)
		}
	}
	p.setDisposition(f.get(fieldDisposition))
}

func plainText(v []byte) string { return sanitize(string(headerText(v))) }

// setType reads a Content-Type. A malformed one is as good as none (RFC 2045
// §5.2), but for the bare "text" and "multipart" of old.
func (p *Part) setType(v []byte, digest bool) {
	v = unquoted(bytes.TrimLeft(headerText(v), " \t"))
	typ, rest := cutToken(v)
	subtype := ""
	if r := bytes.TrimLeft(rest, " \t"); len(r) > 0 && r[0] == '/' {
		subtype, rest = cutToken(bytes.TrimLeft(r[1:], " \t"))
	}
	switch {
	case typ == "multipart" && subtype == "":
		subtype = "mixed"
	case typ == "text" && subtype == "":
		subtype = "plain"
	case typ == "" || subtype == "":
		p.Type, p.Subtype = "text", "plain"
		if digest {
			p.Type, p.Subtype = "message", "rfc822"
			return
		}
		p.Params = []Param{{"charset", "us-ascii"}}
		return
	}
	p.Type, p.Subtype = typ, subtype
	p.Params = parseParams(rest)
}

// setDisposition reads a Content-Disposition (RFC 2183).
func (p *Part) setDisposition(v []byte) {
	v = unquoted(bytes.TrimLeft(headerText(v), " \t"))
	token, rest := cutToken(v)
	if r := bytes.TrimLeft(rest, " \t"); len(r) > 0 && (r[0] == '=' || r[0] == ';' && token == "") {
		// Parameters alone: RFC 2183 §2.8 takes an unknown disposition for
		// an attachment.
		token, rest = "attachment", v
	}
	p.Disposition = token
	if token != "" {
		p.DispParams = parseParams(rest)
	}
}

// unquoted takes away the quotes that some programs put round what is a token.
func unquoted(v []byte) []byte {
	if len(v) == 0 || v[0] != '"' {
		return v
	}
	if end := bytes.IndexByte(v[1:], '"'); end >= 0 {
		return slices.Concat(v[1:end+1], v[end+2:])
	}
	return v
}

// cutToken cuts a token (RFC 2045 §5.1) off the front, in lower case.
func cutToken(v []byte) (token string, rest []byte) {
	i := 0
	for i < len(v) && isToken(v[i]) {
		i++
	}
	return strings.ToLower(string(v[:i])), v[i:]
}

func isToken(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// firstToken returns the first word of a value without comments, in lower
// case.
func firstToken(v []byte) string {
	v = trimSpace(stripComments(v))
	if i := bytes.IndexAny(v, " \t;"); i >= 0 {
		v = v[:i]
	}
	return strings.ToLower(sanitize(string(toUTF8(v))))
}

// stripComments removes comments (RFC 5322 §3.2.2). One without an end is none.
func stripComments(v []byte) []byte {
	if bytes.IndexByte(v, '(') < 0 || bytes.IndexByte(v, ')') < 0 {
		return v
	}
	var out []byte
	depth, start := 0, 0
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			if depth == 0 {
				out = append(out, v[start:i]...)
				start = i
			}
			depth++
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				start = i + 1
			}
		}
	}
	return append(out, v[start:]...)
}

// segment is one piece of a parameter (RFC 2231 §3).
type segment struct {
	n        int  // its number
	encoded  bool // percent-encoded, the first with charset and language
	value    []byte
	extended bool // it has a number or is encoded
}

// parseParams reads the parameters of a Content-Type or Content-Disposition.
// What stands twice counts once; the RFC 2231 form counts before the plain
// one, which is there for those who do not know it.
func parseParams(v []byte) []Param {
	var names []string
	segments := make(map[string][]segment)
	for n := 0; len(v) > 0 && n < maxParams; n++ {
		var name string
		var value []byte
		name, value, v = nextParam(v)
		if name == "" {
			continue
		}
		base, seg := splitParamName(name)
		seg.value = value
		if _, ok := segments[base]; !ok {
			names = append(names, base)
		}
		segments[base] = append(segments[base], seg)
	}
	var params []Param
	for _, name := range names {
		params = append(params, Param{name, joinSegments(segments[name])})
	}
	return params
}

// nextParam cuts the next parameter off. Its name is empty when there is none
// before the next semicolon.
func nextParam(v []byte) (name string, value, rest []byte) {
	v = bytes.TrimLeft(v, "; \t")
	name, v = cutToken(v)
	v = bytes.TrimLeft(v, " \t")
	if name == "" || len(v) == 0 || v[0] != '=' {
		// Not a parameter. White space may still part it from one, when the
		// semicolon was forgotten.
		if name != "" {
			return "", nil, v
		}
		return "", nil, afterSemicolon(v)
	}
	v = bytes.TrimLeft(v[1:], " \t")
	if len(v) > 0 && v[0] == '"' {
		if value, rest, ok := quotedValue(v); ok {
			return name, value, rest
		}
		v = v[1:] // the quote was forgotten at the end
	}
	end := bytes.IndexByte(v, ';')
	if end < 0 {
		end = len(v)
	}
	value, rest = v[:end], v[end:]
	return name, plainValue(name, value), rest
}

func afterSemicolon(v []byte) []byte {
	i := bytes.IndexByte(v, ';')
	if i < 0 {
		return nil
	}
	return v[i+1:]
}

// plainValue cleans a value without quotes. It should be a token, but file
// names with spaces and parentheses in them are common.
func plainValue(name string, v []byte) []byte {
	if !strings.HasPrefix(name, "name") && !strings.HasPrefix(name, "filename") {
		v = trimSpace(stripComments(v))
		if i := bytes.IndexAny(v, " \t"); i >= 0 {
			v = v[:i]
		}
	}
	return bytes.TrimRight(trimSpace(v), `"`)
}

// quotedValue reads a quoted string; ok is false when it has no end.
func quotedValue(v []byte) (value, rest []byte, ok bool) {
	end := -1
	escaped := false
	for i := 1; i < len(v); i++ {
		if v[i] == '\\' {
			escaped = true
			i++
			continue
		}
		if v[i] == '"' {
			end = i
			break
		}
	}
	if end < 0 {
		return nil, nil, false
	}
	if !escaped {
		return v[1:end], v[end+1:], true
	}
	for i := 1; i < end; i++ {
		if v[i] == '\\' && i+1 < end {
			i++
		}
		value = append(value, v[i])
	}
	return value, v[end+1:], true
}

// splitParamName takes RFC 2231's stars off a name: "name*1*" is the second
// segment of name, encoded.
func splitParamName(name string) (base string, seg segment) {
	base, star, ok := strings.Cut(name, "*")
	if !ok || base == "" {
		return name, seg
	}
	seg.extended = true
	if star == "" {
		seg.encoded = true
		return base, seg
	}
	if strings.HasSuffix(star, "*") {
		seg.encoded = true
		star = star[:len(star)-1]
	}
	n, err := strconv.ParseUint(star, 10, 31)
	if err != nil {
		return name, segment{}
	}
	seg.n = int(n)
	return base, seg
}

// joinSegments puts a parameter's segments together and decodes them.
func joinSegments(segs []segment) string {
	var extended []segment
	for _, s := range segs {
		if s.extended {
			extended = append(extended, s)
		}
	}
	if extended == nil {
		return sanitize(string(appendDecoded(nil, toUTF8(segs[0].value))))
	}
	slices.SortStableFunc(extended, func(a, b segment) int { return cmp.Compare(a.n, b.n) })
	charset := ""
	var raw []byte
	last := -1
	for i, s := range extended {
		if s.n == last {
			continue // the first counts
		}
		last = s.n
		v := s.value
		if i == 0 && s.encoded {
			charset, v = cutCharset(v)
		}
		if s.encoded {
			raw = appendUnescaped(raw, v)
		} else {
			raw = append(raw, v...)
		}
	}
	text, _ := appendCharset(nil, charset, raw)
	return sanitize(string(text))
}

// cutCharset cuts charset and language off an encoded value:
// charset'language'text (RFC 2231 §4).
func cutCharset(v []byte) (charset string, rest []byte) {
	i := bytes.IndexByte(v, '\'')
	if i < 0 {
		return "", v
	}
	j := bytes.IndexByte(v[i+1:], '\'')
	if j < 0 {
		return "", v
	}
	return string(v[:i]), v[i+1+j+1:]
}

func appendUnescaped(dst, v []byte) []byte {
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && isHex(v[i+1]) && isHex(v[i+2]) {
			dst = append(dst, unhex(v[i+1])<<4|unhex(v[i+2]))
			i += 2
			continue
		}
		dst = append(dst, v[i])
	}
	return dst
}

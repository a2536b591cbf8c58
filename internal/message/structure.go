package message

import "strconv"

// AppendBodyStructure writes the part as BODYSTRUCTURE (extended) or BODY
// (RFC 9051 §7.5.2), non-ASCII text as UTF-8.
//
// A parameter that came with a charset (RFC 2231) is named as it would be
// without: where RFC 9051 would have "filename*", this has "filename", which is
// what clients look for.
func (p *Part) AppendBodyStructure(b []byte, extended bool) []byte {
	b = append(b, '(')
	if p.Multipart() && len(p.Children) > 0 {
		for _, child := range p.Children {
			b = child.AppendBodyStructure(b, extended)
		}
		b = append(b, ' ')
		b = appendString(b, p.Subtype)
		if extended {
			b = append(b, ' ')
			b = appendParams(b, p.Params)
			b = p.appendExtension(b)
		}
		return append(b, ')')
	}
	b = p.appendFields(b)
	switch {
	case p.Message() && len(p.Children) == 1:
		b = append(b, ' ')
		b = append(b, p.Envelope...)
		b = append(b, ' ')
		b = p.Children[0].AppendBodyStructure(b, extended)
		b = append(b, ' ')
		b = strconv.AppendInt(b, p.Lines, 10)
	case p.Type == "text":
		b = append(b, ' ')
		b = strconv.AppendInt(b, p.Lines, 10)
	}
	if extended {
		b = append(b, ' ')
		b = appendOptional(b, p.MD5)
		b = p.appendExtension(b)
	}
	return append(b, ')')
}

// appendFields appends the basic fields of a part that is no multipart.
func (p *Part) appendFields(b []byte) []byte {
	b = appendString(b, p.Type)
	b = append(b, ' ')
	b = appendString(b, p.Subtype)
	b = append(b, ' ')
	b = appendParams(b, p.Params)
	b = append(b, ' ')
	b = appendOptional(b, p.ID)
	b = append(b, ' ')
	b = appendOptional(b, p.Description)
	b = append(b, ' ')
	b = appendString(b, p.Encoding)
	b = append(b, ' ')
	return strconv.AppendInt(b, p.End-p.Body, 10)
}

func appendParams(b []byte, params []Param) []byte {
	if len(params) == 0 {
		return appendNil(b)
	}
	for i := range params {
		b = append(b, "( "[min(i, 1)])
		b = appendString(b, params[i].Name)
		b = append(b, ' ')
		b = appendString(b, params[i].Value)
	}
	return append(b, ')')
}

// appendExtension appends disposition, language and location.
func (p *Part) appendExtension(b []byte) []byte {
	b = append(b, ' ')
	if p.Disposition == "" {
		b = appendNil(b)
	} else {
		b = append(b, '(')
		b = appendString(b, p.Disposition)
		b = append(b, ' ')
		b = appendParams(b, p.DispParams)
		b = append(b, ')')
	}
	b = append(b, ' ')
	switch len(p.Language) {
	case 0:
		b = appendNil(b)
	case 1:
		b = appendString(b, p.Language[0])
	default:
		for i, lang := range p.Language {
			b = append(b, "( "[min(i, 1)])
			b = appendString(b, lang)
		}
		b = append(b, ')')
	}
	b = append(b, ' ')
	return appendOptional(b, p.Location)
}

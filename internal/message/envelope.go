package message

// appendEnvelope appends the ENVELOPE of the message whose header has been
// read (RFC 9051 §7.5.2). Encoded words stay as they are: it is the client that
// decodes them.
func (f *fields) appendEnvelope(b []byte) []byte {
	b = append(b, '(')
	b = f.appendText(b, fieldDate)
	b = append(b, ' ')
	b = f.appendText(b, fieldSubject)
	b = append(b, ' ')
	start := len(b)
	b = f.appendAddresses(b, fieldFrom)
	from := b[start:]
	for _, id := range [...]int{fieldSender, fieldReplyTo} {
		b = append(b, ' ')
		before := len(b)
		b = f.appendAddresses(b, id)
		if string(b[before:]) == "NIL" {
			b = append(b[:before], from...)
		}
	}
	for _, id := range [...]int{fieldTo, fieldCc, fieldBcc} {
		b = append(b, ' ')
		b = f.appendAddresses(b, id)
	}
	b = append(b, ' ')
	b = f.appendText(b, fieldInReplyTo)
	b = append(b, ' ')
	b = f.appendText(b, fieldMessageID)
	return append(b, ')')
}

// appendText appends a field's value, NIL when it is absent.
func (f *fields) appendText(b []byte, id int) []byte {
	v := f.get(id)
	if v == nil {
		return appendNil(b)
	}
	return appendString(b, headerText(v))
}

// headerText makes a field's value fit to be shown: raw octets above 127 that
// are not UTF-8 are taken for windows-1252, a stray CR for a space. It changes
// v in place where it can.
func headerText(v []byte) []byte {
	for i, c := range v {
		if c == '\r' || c == '\n' {
			v[i] = ' '
		}
	}
	if isASCII(v) {
		return v
	}
	return toUTF8(v)
}

// appendAddresses appends a field's addresses as a parenthesized list, NIL
// when there are none.
func (f *fields) appendAddresses(b []byte, id int) []byte {
	v := f.get(id)
	if len(v) == 0 {
		return appendNil(b)
	}
	start := len(b)
	b = append(b, '(')
	list := addressList{src: headerText(v), tokens: f.tokens, buf: f.buf}
	for f.addresses < maxAddresses && list.next() {
		b = list.item.append(b)
		f.addresses++
	}
	f.tokens, f.buf = list.tokens, list.buf
	if list.group {
		b = append(b, "(NIL NIL NIL NIL)"...)
	}
	if len(b) == start+1 {
		return appendNil(b[:start])
	}
	return append(b, ')')
}

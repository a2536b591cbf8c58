package imapd

// maxLazyPreviews is how many previews one FETCH makes of those that it is asked
// for with LAZY: a fraction of a second's work. Of the other messages a client is
// told NIL, and asks again when it has shown its list (RFC 8970 §4).
const maxLazyPreviews = 200

// preview writes PREVIEW (RFC 8970 §3.2): how the message's text begins, or
// nothing where there is no text.
func (f *fetch) preview(it *fetchItem, label string, c *content) {
	w := f.s.out
	if it.lazy {
		if f.lazy++; f.lazy > maxLazyPreviews {
			f.begin(label)
			w.raw("NIL")
			return
		}
	}
	text, err := c.preview()
	if err != nil {
		f.fail(err)
		return
	}
	f.begin(label)
	w.string(text)
}

func (c *content) preview() (string, error) {
	if err := c.openFor(octets{}); err != nil {
		return "", err
	}
	root, err := c.parts()
	if err != nil {
		return "", err
	}
	return root.Preview(c.c)
}

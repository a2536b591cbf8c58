package imapd

// cmdNamespace is NAMESPACE (RFC 9051 §6.3.10, RFC 2342): all mailboxes are the
// user's own, without a prefix.
func (s *session) cmdNamespace(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.out.raw(`* NAMESPACE (("" "/")) NIL NIL`)
	s.out.end()
	return nil
}

package imapd

// cmdSubscribe is SUBSCRIBE (RFC 9051 §6.3.7). The name needs no mailbox: one
// that is deleted and made anew stays subscribed.
func (s *session) cmdSubscribe(d *decoder) error { return s.setSubscribed(d, true) }

// cmdUnsubscribe is UNSUBSCRIBE (RFC 9051 §6.3.8).
func (s *session) cmdUnsubscribe(d *decoder) error { return s.setSubscribed(d, false) }

func (s *session) setSubscribed(d *decoder, on bool) error {
	name := d.mailboxArg()
	if err := d.end(); err != nil {
		return err
	}
	if err := s.srv.store.SetSubscribed(s.ctx, s.account(), name, on); err != nil {
		return nameError(err)
	}
	if on {
		s.noteMailbox("subscribed", name, "")
	} else {
		s.noteMailbox("unsubscribed", name, "")
	}
	return nil
}

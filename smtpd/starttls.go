package smtpd

// startTLS runs STARTTLS (RFC 3207 §4).
func (f *front) startTLS(arg string) reply {
	switch {
	case arg != "":
		return syntax("STARTTLS takes no argument")
	case f.client.TLS != "":
		return badSequence("TLS is active already")
	case f.client.Account != 0:
		return badSequence("Not after AUTH")
	case !f.CanStartTLS():
		return reply{code: 454, enhanced: "4.7.0", text: "TLS not available: there is no certificate"}
	}
	f.say(reply{code: 220, enhanced: "2.0.0", text: "Ready to start TLS"})
	// What the client sent too early is thrown away by the wire: nothing from
	// before the handshake may be taken for the client's (RFC 3207 §6).
	if err := f.StartTLS(); err != nil {
		f.lost()
		return reply{}
	}
	// The session is at its beginning again (RFC 3207 §4.2). go-smtp learns it
	// at the EHLO that must come next.
	f.helo, f.extended = false, false
	f.client.Helo, f.client.TLS = "", describeTLS(f.TLSState())
	f.reset()
	f.commandPhase()
	return reply{}
}

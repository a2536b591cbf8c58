package imapd

// cmdCompress is COMPRESS (RFC 4978). What follows the answer is compressed, and
// so is what the client sends behind the command.
func (s *session) cmdCompress(d *decoder) error {
	algorithm := d.compressArgs()
	if err := d.end(); err != nil {
		return err
	}
	switch {
	case algorithm != "DEFLATE":
		return bad("Unknown compression %s", shown(algorithm))
	case s.conn.Deflated():
		return &refusal{status{"BAD", "COMPRESSIONACTIVE", "What you say is compressed already"}}
	}
	s.ok("", "DEFLATE active")
	s.after = s.conn.StartDeflate
	return nil
}

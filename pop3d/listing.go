package pop3d

import (
	"strconv"
)

// cmdStat is STAT (RFC 1939 §5).
func (s *session) cmdStat([]string) error {
	n, octets := s.drop.total()
	s.ok("%d %d", n, octets)
	return nil
}

// cmdList is LIST (RFC 1939 §5).
func (s *session) cmdList(args []string) error {
	return s.listing(args, s.drop.summary(), func(b []byte, m *message) []byte { return strconv.AppendInt(b, m.size, 10) })
}

// cmdUIDL is UIDL (RFC 1939 §7).
func (s *session) cmdUIDL(args []string) error {
	return s.listing(args, "Unique ids:", func(b []byte, m *message) []byte { return m.appendUIDL(b) })
}

// listing answers with a line for one message, or for all.
func (s *session) listing(args []string, head string, column func([]byte, *message) []byte) error {
	line := func(b []byte, n int, m *message) []byte {
		b = append(strconv.AppendInt(b, int64(n), 10), ' ')
		return append(column(b, m), "\r\n"...)
	}
	var b []byte
	if len(args) > 0 {
		m, n, err := s.drop.message(args[0])
		if err != nil {
			return err
		}
		s.conn.Write(line(append(b, "+OK "...), n, m))
		return nil
	}
	s.ok("%s", head)
	for i := range s.drop.messages {
		if m := &s.drop.messages[i]; !m.deleted {
			b = line(b[:0], i+1, m)
			s.conn.Write(b)
		}
	}
	s.conn.Write([]byte(".\r\n"))
	return nil
}

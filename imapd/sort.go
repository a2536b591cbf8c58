package imapd

import (
	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdSort is SORT (RFC 5256, RFC 5267 §3).
func (s *session) cmdSort(d *decoder) error { return s.sort(d, false) }

// cmdUIDSort is UID SORT.
func (s *session) cmdUIDSort(d *decoder) error { return s.sort(d, true) }

func (s *session) sort(d *decoder, uid bool) error {
	args := d.sortArgs()
	args.whole = true
	found, err := s.runSearch(&args, d.end())
	if err != nil {
		return err
	}
	if args.extended {
		s.writeESearch(found, args.ret, uid)
		return nil
	}
	w := s.out
	w.raw("* SORT")
	for _, h := range found.hits {
		w.raw(" ")
		w.num(uint64(s.number(h.UID, uid)))
	}
	w.modSeq(found.highest)
	w.end()
	return nil
}

// inOrder appends the numbers of messages in the order in which they are given,
// consecutive ones as ranges that ascend (RFC 5267 §3.2).
func (s *session) inOrder(b []byte, hits []store.SearchHit, uid bool) []byte {
	numbers := make([]mail.UID, len(hits))
	for i, h := range hits {
		numbers[i] = s.number(h.UID, uid)
	}
	return appendInOrder(b, numbers)
}

package store

import (
	"testing"
	"time"

	"posthorn/internal/mail"
)

// FuzzSearch asks anything of a few messages, and compares what the plan finds
// with a naive search.
func FuzzSearch(f *testing.F) {
	_, messages := corpus(f)
	var some []string
	for i, m := range messages {
		if i%9 == 0 && len(m) < 10_000 {
			some = append(some, m)
		}
	}
	box := fillSearchBox(f, some)
	f.Add([]byte("\x01\x06\x02\x05hello\x00\x07"))
	f.Add([]byte("\x02\x00\x03\x01\x02\x06\x01\x08subject:x\x03\x20\x04\x05"))
	f.Add([]byte("\x06\x00\x02ss\x06\x02\x03\xe1\xba\x9e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 200 {
			return
		}
		box.s.cfg.Report = func(string, ...any) {}
		r := &queryReader{b: b}
		box.check(t, r.query(6))
	})
}

// queryReader makes a query of octets.
type queryReader struct{ b []byte }

func (r *queryReader) octet() int {
	if len(r.b) == 0 {
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return int(c)
}

func (r *queryReader) text() string {
	n := min(r.octet()%24, len(r.b))
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *queryReader) query(depth int) Query {
	if depth == 0 || len(r.b) == 0 {
		return And{}
	}
	switch r.octet() % 9 {
	case 0:
		return Not{r.query(depth - 1)}
	case 1:
		return And{r.query(depth - 1), r.query(depth - 1)}
	case 2:
		return Or{r.query(depth - 1), r.query(depth - 1), r.query(depth - 1)}
	case 3:
		return Larger{int64(r.octet()) * 40}
	case 4:
		return HasFlag{[]string{`\Seen`, `\Deleted`, "Todo", "none"}[r.octet()%4]}
	case 5:
		first := mail.UID(r.octet())
		return InSet{mail.UIDSet{{From: first + 1, To: first + 1 + mail.UID(r.octet())}}}
	case 6:
		return HasText{TextField(r.octet() % 3), []string{"Subject", "From", "To", "Received", "Content-Type"}[r.octet()%5], r.text()}
	case 7:
		since := time.Date(2024, 1, 1, r.octet(), 0, 0, 0, time.UTC)
		return Dated{DateField(r.octet() % 3), since, since.AddDate(0, 0, r.octet()), r.octet()%2 == 0}
	}
	return ModSeqAtLeast{mail.ModSeq(r.octet())}
}

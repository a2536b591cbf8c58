package imapd

import (
	"time"

	"posthorn/store"
)

// keyWithin is OLDER or YOUNGER (RFC 5032): so many seconds before now, both
// ends included.
type keyWithin struct {
	seconds uint32
	older   bool
}

func (k keyWithin) query(func(numSet, bool) store.InSet) store.Query {
	then := time.Unix(time.Now().Unix()-int64(k.seconds), 0).UTC()
	q := store.Dated{Field: store.InternalDate, Exact: true}
	if k.older {
		q.Before = then.Add(time.Second)
	} else {
		q.Since = then
	}
	return q
}

// withinKey decodes OLDER's or YOUNGER's interval.
func (p *searchProgram) withinKey(older bool) searchKey {
	p.sp()
	return keyWithin{p.nzNumber(), older}
}

package store

import "sync/atomic"

// Progress counts what an operation has done, for others to look at meanwhile.
// The methods of a nil one do nothing.
type Progress struct{ done atomic.Int64 }

// Done is how many messages were looked at. Operations that share a Progress
// add to one another.
func (p *Progress) Done() int64 {
	if p == nil {
		return 0
	}
	return p.done.Load()
}

func (p *Progress) add(n int) {
	if p != nil {
		p.done.Add(int64(n))
	}
}

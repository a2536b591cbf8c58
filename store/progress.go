package store

import "sync/atomic"

// Progress counts what an operation has done, for others to look at meanwhile,
// and what searches have cost: those that share a Progress may cost together
// what one may. Done and add do nothing with a nil one.
type Progress struct {
	done     atomic.Int64 // messages
	searched atomic.Int64 // octets, as maxSearchWork counts them
}

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

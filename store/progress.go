package store

import (
	"sync/atomic"

	"posthorn/internal/mail"
)

// Progress counts what an operation has done, for others to look at meanwhile,
// and what searches have cost: those that share a Progress may cost together
// what one may. Done and add do nothing with a nil one.
type Progress struct {
	done     atomic.Int64 // messages
	searched atomic.Int64 // steps, as maxSearchWork counts them
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

// spend counts what a search has cost. mail.ErrTooMuchWork when that is too much.
func (p *Progress) spend(steps int) error {
	if p.searched.Add(int64(steps)) > maxSearchWork {
		return mail.ErrTooMuchWork
	}
	return nil
}

// left is how many steps searches may still take.
func (p *Progress) left() int { return int(maxSearchWork - p.searched.Load()) }

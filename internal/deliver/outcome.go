package deliver

import (
	"posthorn/internal/mail"
	"posthorn/store"
)

// Outcome says where a message went.
type Outcome struct {
	// ID names it for the reply and the log.
	ID     string
	Copies []Placed
	Queue  store.QueueID // 0: nothing was queued
	Queued []mail.Address
}

// Placed is a local copy.
type Placed struct {
	Account     mail.Address
	UID         mail.UID
	UIDValidity uint32
	ModSeq      mail.ModSeq
}

func (r *routes) outcome(id string, a *store.Accepted) Outcome {
	o := Outcome{ID: id, Queue: a.Queue}
	for i, p := range a.Placed {
		o.Copies = append(o.Copies, Placed{r.local[i].to, p.UID, p.UIDValidity, p.ModSeq})
	}
	for i := range r.remote {
		o.Queued = append(o.Queued, r.remote[i].Address)
	}
	return o
}

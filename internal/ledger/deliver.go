package ledger

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"posthorn/internal/testserver"
)

// Deliver sends messages to accounts (local parts) by SMTP until ctx ends or
// the connection breaks. pause is made between them, on average.
func (l *Ledger) Deliver(ctx context.Context, s *testserver.Server, pause time.Duration, locals ...string) error {
	c, err := testserver.DialSMTP(s.Address("smtp"))
	if err != nil {
		return nil
	}
	defer c.Conn.Close()
	for ctx.Err() == nil {
		size := 500 + rand.IntN(8000)
		m := l.Letter(size, locals[rand.IntN(len(locals))]+"@"+testserver.Domain)
		reply, err := l.Send(c, m)
		switch {
		case err != nil || strings.HasPrefix(reply, "421"):
			return nil
		case !strings.HasPrefix(reply, "250") && l.note(func() {}) == nil:
			return &wrongAnswer{"a message was refused: " + strings.TrimSpace(reply)}
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(2*pause + 1)):
		}
	}
	return nil
}

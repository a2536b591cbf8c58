package smtpd

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"posthorn/internal/deliver"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// held is a Backend that has a message, and is not done with it.
type held struct {
	memory
	taken, release chan struct{}
}

func (h *held) Accept(_ context.Context, _ *deliver.Client, _ *mail.Envelope, body io.Reader) (deliver.Outcome, error) {
	if _, err := io.Copy(io.Discard, body); err != nil {
		return deliver.Outcome{}, err
	}
	close(h.taken)
	<-h.release
	return deliver.Outcome{ID: "m"}, nil
}

// TestServeWaits: Serve does not return while the Backend is at work for a
// connection, even one that was cut: what the Backend uses may be closed then.
func TestServeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &held{taken: make(chan struct{}), release: make(chan struct{})}
		connections, ln := wire.NewServer(), newPipes()
		served := make(chan error, 1)
		go func() {
			served <- New(Config{Hostname: "hamburger.edu", Backend: b}).Serve(connections.Listener(ln, &wire.Config{Protocol: "smtp"}))
		}()
		client, server := net.Pipe()
		defer client.Close()
		go io.Copy(io.Discard, client)
		ln.conns <- server
		io.WriteString(client, "HELO crepes.fr\r\nMAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\nHi\r\n.\r\n")
		<-b.taken
		cut := make(chan struct{})
		close(cut)
		connections.Shutdown(cut)
		synctest.Wait()
		select {
		case err := <-served:
			t.Errorf("it left a session behind: %v", err)
		default:
		}
		close(b.release)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

//go:build attack

package attack

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/testserver"
)

// sink is a next hop that takes everything, and keeps the envelopes. The relay
// comes to it over one connection at a time.
type sink struct {
	*testserver.Sink

	mu    sync.Mutex
	from  string
	to    []string
	taken []string // "from -> to" for each recipient
}

func newSink(t *testing.T) *sink {
	t.Helper()
	k := &sink{Sink: testserver.NewSink(t)}
	k.Reply = k.note
	return k
}

// note keeps the envelope that goes by.
func (k *sink) note(line string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	verb, rest, _ := strings.Cut(line, ":")
	switch strings.ToUpper(strings.Fields(verb + " x")[0]) {
	case "EHLO":
		return "250-sink\r\n250-DSN\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 SIZE 100000000"
	case "MAIL":
		k.from, k.to = rest, nil
	case "RCPT":
		k.to = append(k.to, rest)
	case ".":
		for _, one := range k.to {
			k.taken = append(k.taken, k.from+" -> "+one)
		}
	}
	return ""
}

// envelopes are those that were taken so far.
func (k *sink) envelopes() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.taken)
}

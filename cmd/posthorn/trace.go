package main

import (
	"fmt"
	"io"
	"strings"

	"posthorn/internal/wire"
)

// traceBuffer is how many lines a slow terminal may lag behind.
const traceBuffer = 10000

// trace prints every session's lines until the subscription ends.
func trace(tap *wire.Tap, w io.Writer) (stop func()) {
	sub := tap.Subscribe(traceBuffer)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var events []wire.Event
		for ok := true; ok; {
			events, ok = sub.Next(events[:0])
			for _, e := range events {
				printEvent(w, e)
			}
		}
	}()
	return func() { sub.Close(); <-done }
}

func printEvent(w io.Writer, e wire.Event) {
	if e.Skipped > 0 {
		fmt.Fprintf(w, "… %d lines skipped: the terminal is slower than the mail\n", e.Skipped)
	}
	head := fmt.Sprint(e.Time.Format("15:04:05.000"), " ", e.Conn, " ", eventMark(e))
	for line := range strings.SplitSeq(strings.TrimSuffix(e.Text, "\n"), "\n") {
		fmt.Fprintln(w, head, strings.TrimSuffix(line, "\r"))
	}
}

// eventMark says who spoke, as in the RFCs' examples.
func eventMark(e wire.Event) string {
	switch e.Kind {
	case wire.ClientLine, wire.ClientData, wire.ClientLeft:
		return "C:"
	case wire.ServerLine, wire.ServerData, wire.ServerLeft:
		return "S:"
	case wire.Opened:
		return "-- " + e.Protocol + " from " + e.Remote
	case wire.TLSStarted:
		return "-- TLS"
	case wire.LoggedIn:
		return "-- logged in as"
	case wire.Closed:
		return "-- closed"
	}
	return "--"
}

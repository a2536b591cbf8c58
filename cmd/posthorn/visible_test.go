package main

import (
	"bytes"
	"testing"
	"time"

	"posthorn/internal/wire"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"plain text, caf\u00e9\n\ttab": "plain text, caf\u00e9\n\ttab",
		"\x1b]0;title\x07":             `\u001b]0;title\u0007`,
		"over\rwritten\x7f\u009b31m":   `over\u000dwritten\u007f\u009b31m`,
		"latin-1 \xe9\x9b31m":          "latin-1 \ufffd\ufffd31m",
		"zero\x00":                     `zero\u0000`,
	} {
		var b bytes.Buffer
		if n, err := (visible{&b}).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("%q is shown as %q, %d, %v", text, b.String(), n, err)
		}
	}
}

// Each line of a body stands behind its connection and direction: none of them
// passes for another session's.
func TestTraceOfBody(t *testing.T) {
	var b bytes.Buffer
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	printEvent(&b, wire.Event{Time: at, Conn: "abcd-1", Kind: wire.ClientData, Text: "a\r\n10:00:00.000 abcd-2 S: 235 forged\r\n"})
	want := "10:00:00.000 abcd-1 C: a\n10:00:00.000 abcd-1 C: 10:00:00.000 abcd-2 S: 235 forged\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
}

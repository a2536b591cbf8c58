package imapd

import (
	"errors"
	"fmt"
)

// status is what a tagged answer says: condition, response code, text.
type status struct {
	kind string // OK, NO, BAD
	code string // without brackets, or empty
	text string
}

// refusal is an error that knows its own tagged answer. Handlers return it
// where a kind of package mail doesn't say enough.
type refusal struct{ status }

func (r *refusal) Error() string { return r.kind + " [" + r.code + "] " + r.text }

// no is a refusal with a response code of RFC 5530 or RFC 9051 §7.1.
func no(code, text string) error { return &refusal{status{"NO", code, text}} }

// bad is a refusal of what breaks the protocol: the decoder's syntax errors
// too.
func bad(format string, args ...any) error {
	return &refusal{status{"BAD", "", fmt.Sprintf(format, args...)}}
}

// errTooBig: an argument is larger than this server takes.
var errTooBig = errors.New("imapd: too big")

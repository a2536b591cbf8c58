package httpd

import (
	"errors"
	"strings"

	"posthorn/internal/maillog"
)

// complaints takes what net/http says of its clients into the log, which is
// bounded: anybody can fail to shake hands a thousand times a second.
type complaints struct{ log *maillog.Log }

func (c complaints) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if text, ok := strings.CutPrefix(text, "http: panic serving "); ok {
		what, stack, _ := strings.Cut(text, "\n")
		c.log.Panic("", what, []byte(stack))
	} else {
		c.log.Refused("", "http", "", errors.New(strings.TrimPrefix(text, "http: ")))
	}
	return len(line), nil
}

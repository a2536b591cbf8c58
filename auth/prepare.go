package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"

	"posthorn/internal/mail"
)

// maxPassword is the most octets of a password. It bounds what a stranger can
// have hashed.
const maxPassword = 1024

// saslprep is RFC 4013's profile for query strings (RFC 3454 §7): code points
// that Unicode 3.2 did not have yet are allowed, or nobody could have a
// password with an emoji. Clients that refuse those don't get to SCRAM, but
// PLAIN works.
var saslprep = stringprep.Profile{
	Mappings:  stringprep.SASLprep.Mappings,
	Normalize: true,
	Prohibits: []stringprep.Set{
		stringprep.TableC1_2, stringprep.TableC2_1, stringprep.TableC2_2, stringprep.TableC3, stringprep.TableC4,
		stringprep.TableC5, stringprep.TableC6, stringprep.TableC7, stringprep.TableC8, stringprep.TableC9,
	},
	CheckBiDi: true,
}

// prepare puts a string into the form in which names and passwords are
// compared, or hashed (RFC 5802 §2.2, RFC 4616 §2). It reports false when there
// is none, or an empty one: then verification fails.
func prepare(s string) (string, bool) {
	if isPlainASCII(s) {
		return s, s != "" // prepared already
	}
	if !utf8.ValidString(s) {
		return "", false
	}
	out, err := saslprep.Prepare(s)
	return out, err == nil && out != ""
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// checkPassword reports whether a password can be one, and returns its
// prepared form, in which it is hashed. Errors wrap mail.ErrInvalid and say
// what is wrong without quoting it. How good a password is, it does not judge.
func checkPassword(password string) (prepared string, err error) {
	switch {
	case password == "":
		return "", fmt.Errorf("%w: the password is empty", mail.ErrInvalid)
	case len(password) > maxPassword:
		return "", fmt.Errorf("%w: the password is longer than %d octets", mail.ErrInvalid, maxPassword)
	case !utf8.ValidString(password):
		return "", fmt.Errorf("%w: the password is not UTF-8", mail.ErrInvalid)
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", fmt.Errorf("%w: the password has control characters", mail.ErrInvalid)
	}
	prepared, ok := prepare(password)
	if !ok {
		return "", fmt.Errorf("%w: the password has characters, or mixes directions of writing, as passwords may not (RFC 4013)", mail.ErrInvalid)
	}
	return prepared, nil
}

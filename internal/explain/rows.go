package explain

import "slices"

// Row says with which codes an SMTP command may be answered.
type Row struct {
	// Command is in capitals; the greeting has the empty one.
	Command string `json:"command"`
	// Positive and Negative are the codes of RFC 5321 §4.3.2's table (for
	// STARTTLS and AUTH: of the usual tables in textbooks).
	Positive []int `json:"positive"`
	Negative []int `json:"negative"`
	// Exceptions are those that another section or RFC adds.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Exception is a code that a command may be answered with beyond its row.
type Exception struct {
	Code int    `json:"code"`
	RFC  string `json:"rfc"`
	Why  Text   `json:"why"`
}

// AnyCommand are the codes that may answer every command (RFC 5321 §4.3.2).
func AnyCommand() []int { return []int{500, 501, 421} }

// Rows is the table that every reply of package smtpd is held to.
func Rows() []Row { return catalogue().rows }

// HasRow reports whether the table has a row for command.
func HasRow(command string) bool {
	return slices.ContainsFunc(Rows(), func(r Row) bool { return r.Command == command })
}

// MayAnswer reports whether the table has code for command. A command that the
// table does not have is unknown to the server.
func MayAnswer(command string, code int) bool {
	if slices.Contains(AnyCommand(), code) {
		return true
	}
	for _, row := range Rows() {
		if row.Command == command {
			return slices.Contains(row.Positive, code) || slices.Contains(row.Negative, code) ||
				slices.ContainsFunc(row.Exceptions, func(e Exception) bool { return e.Code == code })
		}
	}
	return false
}

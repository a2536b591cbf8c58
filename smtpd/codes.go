package smtpd

import "slices"

// Codes says with which codes a command may be answered.
type Codes struct {
	Command string
	// Usual are the codes of RFC 5321 §4.3.2's table (for STARTTLS and AUTH:
	// of the usual tables in textbooks).
	Usual []int
	// More are those that another section or RFC adds.
	More []CodeSource
}

// CodeSource is a code and where it comes from.
type CodeSource struct {
	Code  int
	Where string
}

// AnyCommand are the codes that may answer every command (RFC 5321 §4.3.2).
func AnyCommand() []int { return []int{500, 501, 421} }

// AllCodes is the table that every reply of this package is held to. The
// greeting stands in it under the empty command.
func AllCodes() []Codes {
	notOffered := CodeSource{502, "RFC 5321 §4.2.4: recognized, not implemented"}
	return []Codes{
		{"", []int{220, 554}, nil},
		{"STARTTLS", []int{220, 454}, []CodeSource{
			{503, "RFC 3207 §4.2 and RFC 5321 §4.1.4: TLS is active already, or somebody has logged in"}}},
		{"EHLO", []int{250, 502, 504, 550}, nil},
		{"HELO", []int{250, 502, 504, 550}, nil},
		{"AUTH", []int{235, 334, 530, 535, 538}, []CodeSource{
			{503, "RFC 4954 §4: a second AUTH, or one within a transaction"},
			{504, "RFC 4954 §4: unknown mechanism"},
			{454, "RFC 4954 §6: temporary failure"},
			notOffered}},
		{"MAIL", []int{250, 451, 452, 455, 503, 550, 552, 553, 555}, []CodeSource{
			{530, "RFC 4954 §6 and RFC 3207 §4: log in, or STARTTLS, first"}}},
		{"RCPT", []int{250, 251, 450, 451, 452, 455, 503, 550, 551, 552, 553, 555}, nil},
		{"DATA", []int{250, 354, 450, 451, 452, 503, 550, 552, 554}, nil},
		{"BDAT", nil, bdatCodes()},
		{"RSET", []int{250}, nil},
		{"VRFY", []int{250, 251, 252, 550, 551, 553, 502, 504}, nil},
		{"EXPN", []int{250, 252, 550, 500, 502, 504}, nil},
		{"HELP", []int{211, 214, 502, 504}, nil},
		{"NOOP", []int{250}, nil},
		{"QUIT", []int{221}, nil},
		{"SEND", nil, []CodeSource{notOffered}},
		{"SOML", nil, []CodeSource{notOffered}},
		{"SAML", nil, []CodeSource{notOffered}},
		{"TURN", nil, []CodeSource{notOffered}},
		{"ETRN", nil, []CodeSource{notOffered}},
	}
}

// bdatCodes: RFC 3030 has BDAT answered as the end of DATA.
func bdatCodes() []CodeSource {
	var c []CodeSource
	for _, code := range []int{250, 450, 451, 452, 503, 550, 552, 554} {
		c = append(c, CodeSource{code, "RFC 3030 §2, RFC 5321 §4.3.2: as DATA"})
	}
	return c
}

// CodeAllowed reports whether the table has code for command. A command that
// the table does not have is unknown to the server.
func CodeAllowed(command string, code int) bool {
	if slices.Contains(AnyCommand(), code) {
		return true
	}
	for _, row := range AllCodes() {
		if row.Command == command {
			return slices.Contains(row.Usual, code) ||
				slices.ContainsFunc(row.More, func(s CodeSource) bool { return s.Code == code })
		}
	}
	return false
}

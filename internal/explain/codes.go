package explain

import "strconv"

// Code is an SMTP reply code: an Entry of the kind KindReply, and what else
// there is to say about it.
type Code struct {
	Entry
	Code int `json:"code"`
	// Standard: an RFC defines it. Else it is folklore: it stands in lists of
	// codes that circulate, and Origin says where it seems to come from.
	Standard bool `json:"standard"`
	Origin   Text `json:"origin,omitzero"`
	// Instead are the replies that say it by the standards: "452 4.2.2".
	Instead []string `json:"instead,omitempty"`
	// Given: this server itself may give the code. Else its queue may meet it
	// as the answer of another server.
	Given bool `json:"given"`
	// Shows provoke the code, or for folklore its standard equivalent.
	Shows []Show `json:"shows,omitempty"`
}

// Codes are the reply codes of SMTP in rising order.
func Codes() []Code { return catalogue().codes }

// FindCode returns a reply code's row.
func FindCode(code int) (Code, bool) {
	for _, c := range Codes() {
		if c.Code == code {
			return c, true
		}
	}
	return Code{}, false
}

// classOf is the entry of a code's first digit (RFC 5321 §4.2.1), for codes
// that have no row.
func classOf(code int) (Entry, bool) {
	return Find(SMTP, KindReply, strconv.Itoa(code/100)+"yz")
}

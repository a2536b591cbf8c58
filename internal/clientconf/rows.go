package clientconf

import (
	"strconv"

	"posthorn/internal/mail"
)

// Row is a service with a user name, as a person types it into a mail program.
type Row struct {
	For      string `json:"for"` // "reading (IMAP)" …
	Protocol string `json:"protocol"`
	Server   string `json:"server"`
	Port     string `json:"port"`
	Security string `json:"security"`
	User     string `json:"user"`
}

// Rows are all services for an address. The user name is the address as it was
// asked for, whether there is such an account or not: an alias logs in too.
func (a *Access) Rows(addr mail.Address) []Row {
	what := map[Protocol]string{IMAP: "reading (IMAP)", POP3: "reading (POP3)", SMTP: "sending (SMTP)"}
	rows := make([]Row, 0, len(a.Services))
	for _, s := range a.Services {
		rows = append(rows, Row{what[s.Protocol], string(s.Protocol), s.Host, strconv.Itoa(s.Port), string(s.Security), addr.String()})
	}
	return rows
}

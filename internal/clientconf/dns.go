package clientconf

import (
	"fmt"
	"io"
	"strings"

	"posthorn/internal/mail"
)

// Record is a record of DNS that a domain should have.
type Record struct {
	Name  string `json:"name"` // absolute, with its dot
	Type  string `json:"type"`
	Value string `json:"value"` // RDATA as a zone file has it
	// Why says what it is for, and where it is defined.
	Why string `json:"why"`
	// Advice marks what depends on more than this server knows: think before
	// you copy it.
	Advice bool `json:"advice,omitempty"`
}

// DNS are the records of a domain of ours: for mail to come in, for mail
// programs to set themselves up, and so that others believe what goes out.
func (a *Access) DNS(domain string) []Record {
	domain = mail.DomainKey(domain)
	r := recorder{domain: domain}
	host := a.Host + "."
	r.add("", "MX", "10 "+host, "where mail for the domain goes (RFC 5321 §5)")
	r.services(a)
	if a.serves("autoconfig") && portOf(a.HTTP) == "80" {
		r.add("autoconfig", "CNAME", host, "Thunderbird's autoconfig")
	}
	if u := a.HTTPS; u != "" && a.serves("autodiscover") {
		r.add("_autodiscover._tcp", "SRV", fmt.Sprintf("0 1 %s %s", portOf(u), host), "Outlook's Autodiscover")
	}
	if doc := a.PACC(); doc != nil && a.serves("pacc") && portOf(a.HTTPS) == "443" {
		r.add(paccLabel, "CNAME", host, "PACC; the certificate must have this name (draft-ietf-mailmaint-pacc)")
		r.add("_"+paccLabel, "TXT", quoted(paccDigest(doc)), "PACC: the digest of the document, to be changed with the configuration")
	}
	spf := "v=spf1 mx -all"
	why := "only the domain's MX sends its mail (RFC 7208); others that do must be added"
	if a.Smarthost {
		spf, why = "v=spf1 mx ~all", "mail goes out by a smarthost: add the include: that its provider names (RFC 7208)"
	}
	r.advise("", "TXT", quoted(spf), why)
	r.advise("_dmarc", "TXT", quoted("v=DMARC1; p=none; rua=mailto:postmaster@"+domain), "asks for reports, and changes nothing else (RFC 7489); p=quarantine once they look well")
	return r.records
}

// services are RFC 6186's records, with RFC 8314's submissions. A service that
// is not there is said not to be (RFC 2782's target "."), and the lower number
// is preferred, also of IMAP and POP3 (RFC 6186 §3.4).
func (r *recorder) services(a *Access) {
	for _, s := range []struct {
		name     string
		protocol Protocol
		implicit bool
		priority int // POP3 behind IMAP, and STARTTLS behind implicit TLS
		why      string
	}{
		{"_imaps._tcp", IMAP, true, 0, "RFC 6186 §3.2"},
		{"_imap._tcp", IMAP, false, 1, "RFC 6186 §3.2"},
		{"_pop3s._tcp", POP3, true, 10, "RFC 6186 §3.3"},
		{"_pop3._tcp", POP3, false, 11, "RFC 6186 §3.3"},
		{"_submissions._tcp", SMTP, true, 0, "RFC 8314 §5.1"},
		{"_submission._tcp", SMTP, false, 1, "RFC 6186 §3.1"},
	} {
		value := "0 0 0 ."
		for _, have := range a.Services {
			if have.Protocol == s.protocol && (have.Security == Implicit) == s.implicit {
				value = fmt.Sprintf("%d 1 %d %s.", s.priority, have.Port, a.Host)
			}
		}
		r.add(s.name, "SRV", value, s.why)
	}
}

// recorder gathers records of a domain.
type recorder struct {
	domain  string
	records []Record
}

func (r *recorder) add(label, kind, value, why string) {
	name := r.domain + "."
	if label != "" {
		name = label + "." + name
	}
	r.records = append(r.records, Record{Name: name, Type: kind, Value: value, Why: why})
}

func (r *recorder) advise(label, kind, value, why string) {
	r.add(label, kind, value, why)
	r.records[len(r.records)-1].Advice = true
}

// WriteZone prints records as lines of a zone file (RFC 1035 §5.1).
func WriteZone(w io.Writer, host string, records []Record) {
	fmt.Fprintf(w, "; %s itself needs A and AAAA records with the server's public addresses,\n; and its addresses PTR records with that name.\n", host)
	for _, r := range records {
		advice := ""
		if r.Advice {
			advice = "advice: "
		}
		fmt.Fprintf(w, "; %s%s\n%s\tIN\t%s\t%s\n", advice, r.Why, r.Name, r.Type, r.Value)
	}
}

// quoted is one character-string of a TXT record; none of ours is longer than
// its 255 octets, nor has quotes.
func quoted(s string) string { return `"` + s + `"` }

// portOf is the port of one of our base URLs; empty for none.
func portOf(url string) string {
	if url == "" {
		return ""
	}
	scheme, host, _ := strings.Cut(url, "://")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[i+1:]
	}
	return map[string]string{"http": "80", "https": "443"}[scheme]
}

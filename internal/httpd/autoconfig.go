package httpd

import (
	"encoding/xml"
	"net/http"

	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

// addAutoconfig adds Thunderbird's autoconfig (draft-ietf-mailmaint-autoconfig,
// file format 1.1) at both places where it is looked for.
func (cfg *Config) addAutoconfig(mux *http.ServeMux) {
	mux.HandleFunc("GET /mail/config-v1.1.xml", cfg.autoconfig)
	mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", cfg.autoconfig)
}

type autoconfigFile struct {
	XMLName  xml.Name           `xml:"clientConfig"`
	Version  string             `xml:"version,attr"`
	Provider autoconfigProvider `xml:"emailProvider"`
}

type autoconfigProvider struct {
	ID        string             `xml:"id,attr"`
	Domain    string             `xml:"domain"`
	Name      string             `xml:"displayName"`
	ShortName string             `xml:"displayShortName"`
	Incoming  []autoconfigServer `xml:"incomingServer"`
	Outgoing  []autoconfigServer `xml:"outgoingServer"`
	Help      *autoconfigHelp    `xml:"documentation,omitempty"`
}

type autoconfigServer struct {
	Type           string `xml:"type,attr"`
	Hostname       string `xml:"hostname"`
	Port           int    `xml:"port"`
	SocketType     string `xml:"socketType"` // SSL, STARTTLS, plain
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
}

type autoconfigHelp struct {
	URL  string           `xml:"url,attr"`
	Text []autoconfigText `xml:"descr"`
}

type autoconfigText struct {
	Lang string `xml:"lang,attr"`
	Text string `xml:",chardata"`
}

// autoconfig answers for the address asked about. Newer Thunderbirds keep it to
// themselves: then the user name is a placeholder that they fill in.
func (cfg *Config) autoconfig(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("emailaddress")
	addr := mail.Address{}
	var err error
	if text != "" {
		addr, err = cfg.address(r, text)
	} else if addr.Domain, err = cfg.hostDomain(r, "autoconfig"); addr.Domain == "" {
		addr.Domain = cfg.Access.Host // all our domains have the same settings
	}
	if err != nil {
		cfg.refuse(w, err)
		return
	}
	user := "%EMAILADDRESS%"
	if addr.Local != "" {
		user = addr.String()
	}
	sendXML(w, autoconfigFor(cfg.Access, addr.Domain, user))
}

func autoconfigFor(a *clientconf.Access, domain, user string) autoconfigFile {
	p := autoconfigProvider{ID: domain, Domain: domain, Name: domain, ShortName: domain}
	for _, s := range a.Services {
		server := autoconfigServer{
			Type: string(s.Protocol), Hostname: s.Host, Port: s.Port, Username: user,
			SocketType:     map[clientconf.Security]string{clientconf.Implicit: "SSL", clientconf.STARTTLS: "STARTTLS", clientconf.None: "plain"}[s.Security],
			Authentication: "password-cleartext",
		}
		if s.Protocol == clientconf.SMTP {
			p.Outgoing = append(p.Outgoing, server)
		} else {
			p.Incoming = append(p.Incoming, server)
		}
	}
	if page := a.Setup(); page != "" {
		p.Help = &autoconfigHelp{page, []autoconfigText{{"en", "Settings for mail programs"}, {"vi", "Cài đặt cho phần mềm thư"}}}
	}
	return autoconfigFile{Version: "1.1", Provider: p}
}

// sendXML sends v as a file of XML.
func sendXML(w http.ResponseWriter, v any) {
	b, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // our own types
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write([]byte(xml.Header))
	w.Write(append(b, '\n'))
}

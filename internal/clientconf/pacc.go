package clientconf

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// What draft-ietf-mailmaint-pacc-04 fixes: where the document is, and the name
// of the service on which it is.
const (
	PACCPath  = "/.well-known/user-agent-configuration.json"
	paccLabel = "ua-auto-config"
)

// paccPorts are the only ones that a PACC document can mean: it names hosts,
// and each protocol's port of implicit TLS goes without saying.
var paccPorts = map[Protocol]struct {
	name string
	port int
}{IMAP: {"imap", 993}, POP3: {"pop3", 995}, SMTP: {"submit", 465}}

type paccHost struct {
	Host string `json:"host"`
}

type paccDocument struct {
	Protocols      map[string]paccHost `json:"protocols"`
	Authentication struct {
		Password bool `json:"password"`
	} `json:"authentication"`
	Info struct {
		Provider struct {
			Name string `json:"name"`
		} `json:"provider"`
		Help *paccHelp `json:"help,omitempty"`
	} `json:"info"`
}

type paccHelp struct {
	Documentation string `json:"documentation"`
}

// PACC is the document of draft-ietf-mailmaint-pacc-04. It is one for all
// domains, so that one digest fits them all, whatever name it is asked under.
// nil when there is nothing that the format can say: no service in implicit
// TLS on its standard port.
func (a *Access) PACC() []byte {
	var doc paccDocument
	doc.Protocols = map[string]paccHost{}
	for _, s := range a.Services {
		if p := paccPorts[s.Protocol]; s.Security == Implicit && s.Port == p.port {
			doc.Protocols[p.name] = paccHost{s.Host}
		}
	}
	if len(doc.Protocols) == 0 {
		return nil
	}
	doc.Authentication.Password = true
	doc.Info.Provider.Name = a.Host
	if page := a.Setup(); page != "" && a.HTTPS != "" {
		doc.Info.Help = &paccHelp{page}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err) // strings and maps of strings only
	}
	return append(b, '\n')
}

// SetupPath is where the settings page is.
const SetupPath = "/setup"

// paccDigest is what the TXT record says of the document.
func paccDigest(document []byte) string {
	sum := sha256.Sum256(document)
	return "v=UAAC1; a=sha256; d=" + base64.StdEncoding.EncodeToString(sum[:])
}

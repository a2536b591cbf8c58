package httpd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"posthorn/internal/clientconf"
)

// Autodiscover as Outlook asks for accounts of IMAP and POP3 ([MS-OXDSCLI], and
// "Plan to automatically configure user accounts in Outlook 2010"). Paths are
// in lower case; New folds what clients write.
const (
	autodiscoverPath    = "/autodiscover/"
	autodiscoverXML     = autodiscoverPath + "autodiscover.xml"
	autodiscoverJSON    = autodiscoverPath + "autodiscover.json"
	autodiscoverSchema  = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	outlookSchema       = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	maxAutodiscoverDeep = 16 // elements within elements; requests have three
)

func (cfg *Config) addAutodiscover(mux *http.ServeMux) {
	mux.HandleFunc("POST "+autodiscoverXML, cfg.autodiscover)
	mux.HandleFunc("GET "+autodiscoverXML, cfg.autodiscover)
	mux.HandleFunc("GET "+autodiscoverJSON, cfg.autodiscoverV2)
	mux.HandleFunc("GET "+autodiscoverJSON+"/v1.0/{email}", cfg.autodiscoverV2)
}

// autodiscoverRequest is what is asked.
type autodiscoverRequest struct {
	address, schema string
}

// The codes of errors, with what Exchange says.
var (
	errInvalidRequest = autodiscoverError{600, "Invalid Request"}
	errNoProvider     = autodiscoverError{601, "The requested schema version is not supported"}
)

type autodiscoverError struct {
	Code    int    `xml:"ErrorCode"`
	Message string `xml:"Message"`
}

type autodiscoverAnswer struct {
	XMLName  xml.Name             `xml:"Autodiscover"`
	NS       string               `xml:"xmlns,attr"`
	Response autodiscoverResponse `xml:"Response"`
}

type autodiscoverResponse struct {
	NS      string               `xml:"xmlns,attr,omitempty"`
	Error   *autodiscoverError   `xml:"Error,omitempty"`
	Account *autodiscoverAccount `xml:"Account,omitempty"`
}

type autodiscoverAccount struct {
	AccountType string
	Action      string
	Protocol    []autodiscoverProtocol
}

type autodiscoverProtocol struct {
	Type           string
	Server         string
	Port           int
	LoginName      string
	DomainRequired string
	SPA            string
	SSL            string
	Encryption     string
	AuthRequired   string
	UsePOPAuth     string `xml:",omitempty"` // SMTP's
	SMTPLast       string `xml:",omitempty"` // SMTP's
}

func (cfg *Config) autodiscover(w http.ResponseWriter, r *http.Request) {
	fail := func(e autodiscoverError) {
		sendXML(w, autodiscoverAnswer{NS: autodiscoverSchema, Response: autodiscoverResponse{Error: &e}})
	}
	if r.Method != http.MethodPost { // somebody looks whether the service is there
		fail(errInvalidRequest)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		cfg.refuse(w, &refusal{http.StatusRequestEntityTooLarge, "the request is too large, or did not come whole"})
		return
	}
	asked, err := parseAutodiscover(body)
	if err != nil || asked.address == "" {
		fail(errInvalidRequest)
		return
	}
	if asked.schema != "" && !strings.EqualFold(withoutScheme(asked.schema), withoutScheme(outlookSchema)) {
		fail(errNoProvider) // ActiveSync's, for one
		return
	}
	addr, err := cfg.address(r, asked.address)
	if err != nil {
		cfg.refuse(w, err)
		return
	}
	sendXML(w, autodiscoverFor(cfg.Access, addr.String()))
}

// withoutScheme: Microsoft's documentation writes schemas with https as well.
func withoutScheme(schema string) string {
	_, name, _ := strings.Cut(schema, "://")
	return name
}

// autodiscoverFor has the best service of each protocol, the preferred first.
func autodiscoverFor(a *clientconf.Access, user string) autodiscoverAnswer {
	account := &autodiscoverAccount{AccountType: "email", Action: "settings"}
	for _, p := range []clientconf.Protocol{clientconf.IMAP, clientconf.POP3, clientconf.SMTP} {
		s, ok := a.Best(p)
		if !ok {
			continue
		}
		out := autodiscoverProtocol{
			Type: strings.ToUpper(string(p)), Server: s.Host, Port: s.Port, LoginName: user,
			DomainRequired: "off", SPA: "off", SSL: "on", AuthRequired: "on",
			Encryption: map[clientconf.Security]string{clientconf.Implicit: "SSL", clientconf.STARTTLS: "TLS", clientconf.None: "None"}[s.Security],
		}
		if s.Security == clientconf.None {
			out.SSL = "off"
		}
		if p == clientconf.SMTP {
			out.UsePOPAuth, out.SMTPLast = "off", "off"
		}
		account.Protocol = append(account.Protocol, out)
	}
	return autodiscoverAnswer{NS: autodiscoverSchema, Response: autodiscoverResponse{NS: outlookSchema, Account: account}}
}

var errRequest = errors.New("no Autodiscover request")

// parseAutodiscover reads a request: Autodiscover/Request with EMailAddress and
// AcceptableResponseSchema in it, whatever the case of their names and their
// namespaces, which clients get wrong. encoding/xml fetches nothing and knows
// no entities but XML's own; body is bounded by its reader.
func parseAutodiscover(body []byte) (req autodiscoverRequest, err error) {
	if !utf8.Valid(body) {
		return req, errRequest
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	for {
		token, err := d.Token()
		if err == io.EOF && len(path) == 0 {
			req.address, req.schema = strings.TrimSpace(req.address), strings.TrimSpace(req.schema)
			return req, nil
		}
		if err != nil {
			return req, errRequest
		}
		switch t := token.(type) {
		case xml.StartElement:
			if path = append(path, strings.ToLower(t.Name.Local)); len(path) > maxAutodiscoverDeep {
				return req, errRequest
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			switch strings.Join(path, "/") {
			case "autodiscover/request/emailaddress":
				req.address += string(t)
			case "autodiscover/request/acceptableresponseschema":
				req.schema += string(t)
			}
		case xml.Directive: // a document type has no business here
			return req, errRequest
		}
	}
}

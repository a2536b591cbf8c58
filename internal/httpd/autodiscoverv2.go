package httpd

import (
	"encoding/json"
	"net/http"
	"strings"
)

// autodiscoverV2 is Autodiscover's second version: where the first one is, as
// JSON. It is asked before there is a password, by Outlook's newer programs.
func (cfg *Config) autodiscoverV2(w http.ResponseWriter, r *http.Request) {
	email := r.PathValue("email")
	if email == "" {
		email = query(r, "email")
	}
	protocol := query(r, "protocol")
	switch {
	case protocol == "":
		sendJSON(w, http.StatusBadRequest, autodiscoverV2Error{"MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Protocol'"})
		return
	case !strings.EqualFold(protocol, "AutodiscoverV1"):
		sendJSON(w, http.StatusBadRequest, autodiscoverV2Error{"InvalidProtocol", "The given protocol value is invalid. Supported values are 'AutodiscoverV1'"})
		return
	}
	if _, err := cfg.address(r, email); err != nil {
		cfg.refuse(w, err)
		return
	}
	base := cfg.Access.URL()
	if base == "" {
		cfg.refuse(w, errForeign)
		return
	}
	sendJSON(w, http.StatusOK, autodiscoverV2Answer{"AutodiscoverV1", base + autodiscoverXML})
}

type autodiscoverV2Answer struct {
	Protocol string
	URL      string `json:"Url"`
}

type autodiscoverV2Error struct {
	ErrorCode    string
	ErrorMessage string
}

// query is a parameter of the query, whatever the case of its name.
func query(r *http.Request, name string) string {
	for key, values := range r.URL.Query() {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

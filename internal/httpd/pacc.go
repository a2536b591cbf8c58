package httpd

import (
	"net/http"

	"posthorn/internal/clientconf"
)

// addPACC adds the document of draft-ietf-mailmaint-pacc, octet for octet as
// "posthorn dns" has its digest.
func (cfg *Config) addPACC(mux *http.ServeMux) {
	document := cfg.Access.PACC()
	mux.HandleFunc("GET "+clientconf.PACCPath, func(w http.ResponseWriter, _ *http.Request) {
		if document == nil {
			cfg.refuse(w, &refusal{http.StatusNotFound, "the ports of this server cannot be told in this format"})
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(document)
	})
}

package httpd

import "net/http"

func (cfg *Config) addSetup(mux *http.ServeMux) {}

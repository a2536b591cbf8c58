package httpd

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"

	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

//go:embed assets
var assets embed.FS

// setupPolicy lets the settings page have its own style sheet and script, and
// nothing else from anywhere.
const setupPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// addSetup adds the settings page: for whoever has a program that does not set
// itself up. It works without its script, which only copies.
func (cfg *Config) addSetup(mux *http.ServeMux) {
	page := template.Must(template.New("setup.html").ParseFS(assets, "assets/setup.html"))
	mux.HandleFunc("GET "+clientconf.SetupPath, func(w http.ResponseWriter, r *http.Request) { cfg.setup(w, r, page) })
	for file, kind := range map[string]string{"setup.css": "text/css; charset=utf-8", "setup.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		content, err := assets.ReadFile("assets/" + file)
		if err != nil {
			panic(err) // it is in the program
		}
		mux.HandleFunc("GET "+clientconf.SetupPath+"/"+file, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "max-age=300")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Write(content)
		})
	}
}

// setupPage is what the page's template shows.
type setupPage struct {
	Lang    string
	T       texts
	Address string // as it was asked about
	Error   string // why there are no settings; empty: there are, or nothing was asked

	// The rest is there when Known.
	Known    bool
	Rows     []clientconf.Row
	Self     string // this page, by the server's name
	QR       qrCode
	Programs []program
	// Apple says that a profile can be made, Protocols for what; Private that
	// a password may be given here. Secure is where it may, if not here.
	Apple     bool
	Protocols []clientconf.Protocol
	Private   bool
	Secure    string
}

func (cfg *Config) setup(w http.ResponseWriter, r *http.Request, page *template.Template) {
	lang := chooseLang(r)
	p := setupPage{Lang: lang, T: catalogue(lang), Address: strings.TrimSpace(r.URL.Query().Get("emailaddress"))}
	status := http.StatusOK
	if p.Address != "" {
		addr, err := cfg.address(r, p.Address)
		var refused *refusal
		switch {
		case err == nil:
			cfg.fill(&p, r, addr)
		case errors.As(err, &refused):
			status, p.Error = refused.status, p.T["error"]
			if refused == errForeign {
				p.Error = p.T["foreign"]
			}
		default:
			cfg.refuse(w, err)
			return
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		cfg.refuse(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", setupPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// fill puts the settings for an address into the page.
func (cfg *Config) fill(p *setupPage, r *http.Request, addr mail.Address) {
	a := cfg.Access
	p.Known, p.Address = true, addr.String()
	p.Rows = a.Rows(addr)
	p.Programs = programs(a, addr, p.T)
	asked := clientconf.SetupPath + "?" + url.Values{"emailaddress": {p.Address}, "lang": {p.Lang}}.Encode()
	p.Self = a.URL() + asked
	if a.URL() == "" { // reached by a way that the configuration does not know
		p.Self = asked
	}
	p.QR = drawQR(p.Self)
	if _, out := a.Best(clientconf.SMTP); out && cfg.serves("mobileconfig") {
		for _, protocol := range []clientconf.Protocol{clientconf.IMAP, clientconf.POP3} {
			if _, ok := a.Best(protocol); ok {
				p.Protocols = append(p.Protocols, protocol)
			}
		}
		p.Apple = len(p.Protocols) > 0
	}
	p.Private = cfg.private(r)
	if a.HTTPS != "" {
		p.Secure = a.HTTPS + asked
	}
}

// chooseLang is the language asked for, else the one that the browser prefers.
func chooseLang(r *http.Request) string {
	known := []language.Tag{language.English, language.Vietnamese} // the first where nothing fits
	_, i := language.MatchStrings(language.NewMatcher(known), r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
	return known[i].String()
}

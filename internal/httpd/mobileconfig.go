package httpd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"posthorn/auth"
	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

// mobileconfigPath is where a configuration profile for Apple's Mail is
// downloaded (GET), or made with an app password of its own (POST).
const mobileconfigPath = clientconf.SetupPath + "/mail.mobileconfig"

var (
	errNotPrivate   = &refusal{http.StatusForbidden, "a password is taken over HTTPS only"}
	errWrong        = &refusal{http.StatusForbidden, "the address or the password is wrong"}
	errThrottled    = &refusal{http.StatusTooManyRequests, "too many failed attempts; try again later"}
	errTooMany      = &refusal{http.StatusConflict, "the account has too many app passwords; some must be revoked first"}
	errNoMail       = &refusal{http.StatusNotFound, "this server offers no such protocol"}
	errBadForm      = &refusal{http.StatusBadRequest, "the form cannot be read"}
	errNoProtocol   = &refusal{http.StatusBadRequest, "protocol is imap or pop3"}
	errNoAppAllowed = &refusal{http.StatusNotFound, "no app passwords are made here"}
)

func (cfg *Config) addMobileconfig(mux *http.ServeMux) {
	mux.HandleFunc("GET "+mobileconfigPath, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		cfg.mobileconfig(w, r, q.Get("emailaddress"), q.Get("protocol"), nil)
	})
	mux.HandleFunc("POST "+mobileconfigPath, func(w http.ResponseWriter, r *http.Request) {
		// Asked before the form is read: what must not come is not looked at.
		if !cfg.private(r) {
			cfg.refuse(w, errNotPrivate)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			cfg.refuse(w, errBadForm)
			return
		}
		password := r.PostForm.Get("password")
		cfg.mobileconfig(w, r, r.PostForm.Get("emailaddress"), r.PostForm.Get("protocol"), &password)
	})
}

// mobileconfig sends a profile; where a password was given, with a new app
// password in it.
func (cfg *Config) mobileconfig(w http.ResponseWriter, r *http.Request, address, protocol string, password *string) {
	addr, err := cfg.address(r, address)
	if err != nil {
		cfg.refuse(w, err)
		return
	}
	p := profile{access: cfg.Access, addr: addr, protocol: clientconf.IMAP}
	if protocol != "" {
		p.protocol = clientconf.Protocol(strings.ToLower(protocol))
	}
	if p.protocol != clientconf.IMAP && p.protocol != clientconf.POP3 {
		cfg.refuse(w, errNoProtocol)
		return
	}
	if password != nil {
		if p.password, err = cfg.appPassword(r, addr, *password); err != nil {
			w.Header().Set("Connection", "close") // who guesses gets one guess a connection
			cfg.refuse(w, err)
			return
		}
	}
	file, err := p.file()
	if by := cfg.signer(); err == nil && by != nil {
		file, err = sign(file, by)
	}
	if err != nil {
		cfg.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-apple-aspen-config")
	w.Header().Set("Content-Disposition", `attachment; filename="mail.mobileconfig"`)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(file)
}

// appPassword makes an app password for who gives the account's own. An app
// password makes no others: who found one could not be got rid of.
func (cfg *Config) appPassword(r *http.Request, addr mail.Address, password string) (string, error) {
	if cfg.Auth == nil {
		return "", errNoAppAllowed
	}
	const mechanism = "HTTP"
	who, err := cfg.Auth.Password(r.Context(), client(r), addr.String(), password)
	if err == nil && who.AppPassword != "" {
		err = fmt.Errorf("%w: an app password makes no others", auth.ErrFailed)
	}
	switch {
	case errors.Is(err, auth.ErrFailed), errors.Is(err, auth.ErrThrottled):
		cfg.Log.LoginFailed("", "http", client(r).String(), addr.String(), mechanism, err)
		if errors.Is(err, auth.ErrThrottled) {
			return "", errThrottled
		}
		return "", errWrong
	case err != nil:
		return "", err
	}
	cfg.Log.LoggedIn("", "http", who.Address.String(), mechanism, "")
	return cfg.nameAppPassword(r.Context(), who)
}

// nameAppPassword finds a name that is free: two profiles may be made within
// one second.
func (cfg *Config) nameAppPassword(ctx context.Context, who auth.Identity) (string, error) {
	name := "Apple profile " + time.Now().UTC().Format("2006-01-02 15:04:05")
	for n := 2; ; n++ {
		made, err := cfg.Auth.AddAppPassword(ctx, who.Account, name)
		switch {
		case errors.Is(err, mail.ErrInvalid):
			return "", errTooMany
		case errors.Is(err, mail.ErrExists) && n < 10:
			name = fmt.Sprintf("%s (%d)", strings.TrimSuffix(name, fmt.Sprintf(" (%d)", n-1)), n)
			continue
		}
		return made, err
	}
}

// profile is a configuration profile (Apple's "Configuration Profile
// Reference", payload com.apple.mail.managed).
type profile struct {
	access   *clientconf.Access
	addr     mail.Address
	protocol clientconf.Protocol
	password string // empty: the device asks
}

func (p profile) file() ([]byte, error) {
	in, ok := p.access.Best(p.protocol)
	out, ok2 := p.access.Best(clientconf.SMTP)
	if !ok || !ok2 {
		return nil, errNoMail
	}
	user := p.addr.String()
	account := dict{
		{"EmailAccountDescription", p.addr.Domain},
		{"EmailAccountType", map[clientconf.Protocol]string{clientconf.IMAP: "EmailTypeIMAP", clientconf.POP3: "EmailTypePOP"}[p.protocol]},
		{"EmailAddress", user},
	}
	account = append(account, p.server("Incoming", in, user)...)
	account = append(account, p.server("Outgoing", out, user)...)
	if p.password != "" {
		account = append(account, entry{"IncomingPassword", p.password})
	}
	account = append(account,
		entry{"OutgoingPasswordSameAsIncomingPassword", true},
		entry{"PayloadDescription", "Mail of " + user},
		entry{"PayloadDisplayName", "Mail: " + user},
		entry{"PayloadIdentifier", p.identifier() + ".account"},
		entry{"PayloadType", "com.apple.mail.managed"},
		entry{"PayloadUUID", p.uuid("account")},
		entry{"PayloadVersion", 1},
	)
	return dict{
		{"PayloadContent", []dict{account}},
		{"PayloadDescription", "Sets up the mail of " + user},
		{"PayloadDisplayName", "Mail: " + user},
		{"PayloadIdentifier", p.identifier()},
		{"PayloadOrganization", p.access.Host},
		{"PayloadRemovalDisallowed", false},
		{"PayloadType", "Configuration"},
		{"PayloadUUID", p.uuid("profile")},
		{"PayloadVersion", 1},
	}.plist(), nil
}

// server has the keys of one direction. UseSSL is also what leads Apple's Mail
// to STARTTLS, on the ports where that is spoken.
func (p profile) server(direction string, s clientconf.Service, user string) dict {
	prefix := direction + "MailServer"
	return dict{
		{prefix + "Authentication", "EmailAuthPassword"},
		{prefix + "HostName", s.Host},
		{prefix + "PortNumber", s.Port},
		{prefix + "UseSSL", s.Security != clientconf.None},
		{prefix + "Username", user},
	}
}

// identifier names the profile: one that has the same replaces it on the device.
func (p profile) identifier() string {
	labels := strings.Split(strings.ToLower(p.access.Host), ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".") + ".mail." + p.uuid("name")
}

// uuid is the same whenever the same profile is made: version 8 (RFC 9562 §5.8)
// of a hash.
func (p profile) uuid(part string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"posthorn", p.access.Host, p.addr.Key(), string(p.protocol), part}, "\x00")))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}

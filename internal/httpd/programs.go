package httpd

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

// program is a mail program with the steps that set it up.
type program struct {
	ID, Name string
	Steps    []string
	Pictures []picture
	File     string // lines to copy into its configuration; empty: none
}

// picture is a drawing of a dialog, as the template draws it: what it is called,
// and fields with what to put in.
type picture struct {
	Kind   string // window, phone
	Title  string
	Fields []field
	Button string
	// Sizes in units of the drawing.
	Width, Height, ButtonY int
}

type field struct {
	Label, Value string
	Y            int
}

// Sizes of drawings.
const (
	pictureTop  = 64 // to the first field
	fieldHeight = 52
	windowWidth = 420
	phoneWidth  = 280
)

// draw lays the fields of a dialog out.
func draw(kind, title, button string, fields ...field) picture {
	p := picture{Kind: kind, Title: title, Button: button, Width: windowWidth}
	most := 46 // letters that a field has room for
	if kind == "phone" {
		p.Width, most = phoneWidth, 30
	}
	for i, f := range fields {
		if v := []rune(f.Value); len(v) > most {
			f.Value = string(v[:most-1]) + "…"
		}
		f.Y = pictureTop + i*fieldHeight
		p.Fields = append(p.Fields, f)
	}
	p.ButtonY = pictureTop + len(fields)*fieldHeight
	p.Height = p.ButtonY
	if button != "" {
		p.Height += 56
	}
	return p
}

// programs are the steps for the address, with the server's own names and
// ports in them. Where there is no IMAP, POP3 stands in its place.
func programs(a *clientconf.Access, addr mail.Address, t texts) []program {
	in, reading := a.Best(clientconf.IMAP)
	if !reading {
		in, reading = a.Best(clientconf.POP3)
	}
	out, sending := a.Best(clientconf.SMTP)
	if !reading || !sending {
		return nil
	}
	user := addr.String()
	kind := strings.ToUpper(string(in.Protocol))
	security := func(s clientconf.Service) string { return t.Security(string(s.Security)) }
	fill := strings.NewReplacer("{address}", user, "{kind}", kind,
		"{in}", in.Host, "{inport}", strconv.Itoa(in.Port), "{insec}", security(in),
		"{out}", out.Host, "{outport}", strconv.Itoa(out.Port), "{outsec}", security(out))
	steps := func(key string) (list []string) {
		for line := range strings.Lines(t["steps."+key]) {
			list = append(list, fill.Replace(strings.TrimSpace(line)))
		}
		return list
	}
	who := field{Label: t["f.address"], Value: user}
	password := field{Label: t["f.password"], Value: "••••••••"}
	server := func(s clientconf.Service) []field {
		return []field{
			{Label: t["f.server"], Value: s.Host}, {Label: t["f.port"], Value: strconv.Itoa(s.Port)},
			{Label: t["f.security"], Value: security(s)}, {Label: t["f.user"], Value: user},
		}
	}
	both := func(shape string) []picture {
		return []picture{
			draw(shape, t["p.incoming"]+" ("+kind+")", t["b.next"], server(in)...),
			draw(shape, t["p.outgoing"]+" (SMTP)", t["b.done"], server(out)...),
		}
	}
	start := func(shape, button string) picture { return draw(shape, t["p.account"], t[button], who, password) }
	return []program{
		{ID: "thunderbird", Name: "Thunderbird", Steps: steps("thunderbird"), Pictures: append([]picture{start("window", "b.continue")}, both("window")...)},
		{ID: "outlook", Name: t["n.outlook"], Steps: steps("outlook"), Pictures: both("window")},
		{ID: "newoutlook", Name: t["n.newoutlook"], Steps: steps("newoutlook"), Pictures: append([]picture{start("window", "b.continue")}, both("window")...)},
		{ID: "ios", Name: "iPhone, iPad", Steps: steps("ios"), Pictures: both("phone")},
		{ID: "android", Name: "Android", Steps: steps("android"), Pictures: append([]picture{start("phone", "b.next")}, both("phone")...)},
		{ID: "mutt", Name: "mutt, NeoMutt", Steps: steps("mutt"), Pictures: []picture{draw("window", "mutt", "", field{Label: "Password for " + user + "@" + in.Host + ":", Value: "••••••••"})}, File: muttrc(in, out, user)},
	}
}

// muttQuotes takes away the meaning that letters of an address have between
// mutt's double quotes: there `commands` are run.
var muttQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`)

// muttrc are lines for mutt's configuration.
func muttrc(in, out clientconf.Service, user string) string {
	login := strings.ReplaceAll(url.QueryEscape(user), "+", "%20")
	at := func(scheme string, s clientconf.Service) string {
		if s.Security == clientconf.Implicit {
			scheme += "s"
		}
		return scheme + "://" + login + "@" + net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) + "/"
	}
	var b strings.Builder
	b.WriteString("set from = \"" + muttQuotes.Replace(user) + "\"\n")
	if in.Protocol == clientconf.IMAP {
		b.WriteString("set folder = \"" + at("imap", in) + "\"\nset spoolfile = \"+INBOX\"\n")
	} else {
		b.WriteString("set spoolfile = \"" + at("pop", in) + "\"\n")
	}
	b.WriteString("set smtp_url = \"" + at("smtp", out) + "\"\n")
	if in.Security != clientconf.None && out.Security != clientconf.None {
		b.WriteString("set ssl_force_tls = yes\n")
	}
	return b.String()
}

// shown is a picture with the words around it, for the template.
type shown struct {
	T texts
	P picture
}

// cell is a value that can be copied.
type cell struct {
	T     texts
	Value string
}

// Picture and Value give parts of the template what they show.
func (t texts) Picture(p picture) shown { return shown{t, p} }
func (t texts) Value(v string) cell     { return cell{t, v} }

func (s shown) Inner(less int) int  { return s.P.Width - less }
func (s shown) Tall(less int) int   { return s.P.Height - less }
func (s shown) Below(y, by int) int { return y + by }
func (s shown) Middle() int         { return s.P.Width/2 - 22 }
func (s shown) ButtonX() int        { return s.P.Width - 130 }
func (s shown) ButtonText() int     { return s.P.Width - 75 }
func (s shown) pick(w, phone int) int {
	if s.P.Kind == "window" {
		return w
	}
	return phone
}
func (s shown) Corner() int { return s.pick(8, 24) }
func (s shown) TitleX() int { return s.pick(52, 20) }
func (s shown) TitleY() int { return s.pick(23, 38) }

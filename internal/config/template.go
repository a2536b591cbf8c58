package config

import (
	_ "embed"
	"fmt"
	"net"
	"strconv"
	"strings"
	"text/template"
)

// Template is what differs between the files that init writes.
type Template struct {
	Hostname string
	// Local: for tests and classes. Loopback only, ports from BasePort on,
	// nothing limited.
	Local    bool
	BasePort int
	// Routes lead domains to next hops.
	Routes map[string]string
	// LogLevel, when set, is written out.
	LogLevel string
}

//go:embed posthorn.toml.tmpl
var fileTemplate string

// String is the file, commented, with every default shown.
func (t Template) String() string {
	var b strings.Builder
	// The template is part of the program: a test runs it both ways.
	if err := template.Must(template.New("").Parse(fileTemplate)).Execute(&b, t); err != nil {
		panic(err)
	}
	return b.String()
}

// Key is a line of the file: the default commented out, or what a local server
// has instead.
func (t Template) Key(byDefault, local string) string {
	if t.Local {
		return local
	}
	return "# " + byDefault
}

// localPorts are what is added to the base port.
var localPorts = map[string]int{
	"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995,
	"imap": 143, "imaps": 993, "http": 80, "https": 443, "metrics": 90,
}

// Listeners are the lines of [listen].
func (t Template) Listeners() []string {
	var lines []string
	for key, addresses := range Default().Listen.All() {
		if t.Local {
			port := strconv.Itoa(t.BasePort + localPorts[key])
			lines = append(lines, fmt.Sprintf("%s = [%q, %q]", key, net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)))
			continue
		}
		lines = append(lines, fmt.Sprintf("# %s = %q", key, addresses[0]))
	}
	return lines
}

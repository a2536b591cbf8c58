package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which of our packages each may import, tests aside. A package
// that isn't here is a room that nobody has planned: put it in, with its arrows.
var arrows = map[string]string{
	"internal/mail":             "",
	"migrations":                "",
	"internal/config":           "internal/mail",
	"internal/transcript":       "",
	"internal/transcript/watch": "internal/fault internal/wire",
	"internal/explain":          "",
	"internal/show":             "internal/explain internal/fault",
	"internal/inflate":          "",
	"internal/message":          "internal/mail",
	"internal/maillog":          "internal/mail",
	"tlsconf":                   "",
	"store":                     "migrations internal/message internal/mail",
	"auth":                      "store internal/mail",
	"internal/fault":            "internal/explain",
	"internal/wire":             "internal/fault tlsconf internal/maillog internal/mail internal/inflate",
	"internal/mailauth":         "internal/mail",
	"internal/dsn":              "internal/message internal/mail",
	"internal/deliver":          "store internal/message internal/mailauth internal/mail internal/queue internal/dsn",
	"internal/queue":            "store internal/dsn internal/message internal/mail internal/maillog",
	"internal/relay":            "internal/relay/recode internal/message internal/mail tlsconf",
	"internal/relay/recode":     "internal/message internal/mail",
	"internal/browser":          "",
	"internal/interop":          "",
	"internal/attack":           "",
	"internal/golden":           "",
	"internal/daemontest":       "store auth tlsconf internal/mail internal/wire",
	"internal/stall":            "internal/daemontest store auth internal/wire internal/mail internal/transcript",
	"internal/crash":            "",
	"internal/testserver":       "",
	"internal/bench":            "",
	"internal/ledger":           "internal/testserver",
	"internal/soak":             "",
	"smtpd":                     "internal/fault auth internal/wire internal/maillog internal/mail internal/deliver",
	"pop3d":                     "internal/fault auth internal/wire internal/maillog internal/mail store internal/message",
	"imapd":                     "internal/fault auth internal/wire internal/maillog internal/mail store internal/message",
	"internal/clientconf":       "internal/config internal/mail",
	"internal/metrics":          "auth store internal/maillog",
	"internal/httpd":            "auth internal/clientconf internal/mail internal/maillog",
	"internal/control":          "store auth internal/mail internal/maillog internal/class internal/wire",
	"internal/class":            "internal/wire internal/fault store internal/mail",
	"internal/class/page":       "internal/class internal/fault internal/explain internal/show store internal/mail internal/message",
	"cmd/posthorn":              "*",
}

// TestArrows holds the arrows between packages (HACKING.md): they run one way.
func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "posthorn/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, "posthorn/")
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %s has no arrows yet", name)
			continue
		}
		for _, imp := range pkg.Imports {
			ours, ok := strings.CutPrefix(imp, "posthorn/")
			if ok && allowed != "*" && !slices.Contains(strings.Fields(allowed), ours) {
				t.Errorf("%s imports %s: no arrow leads there", name, ours)
			}
			if name != "internal/ledger" && (ours == "internal/testserver" || ours == "internal/ledger") {
				t.Errorf("%s imports %s, which is for tests only", name, ours)
			}
			if imp == "github.com/mattn/go-sqlite3" && name != "store" {
				t.Errorf("%s knows of SQLite: only store may", name)
			}
		}
	}
}

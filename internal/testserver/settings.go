package testserver

import (
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Set gives a key of the configuration another value (any that TOML has). table
// is the name between brackets, such as limits or relay.routes."away.example";
// one that isn't there is added, and so is a key. A server that runs reads it
// at SIGHUP or when it is started again.
func (s *Server) Set(table, key string, value any) {
	s.t.Helper()
	line, err := toml.Marshal(map[string]any{key: value})
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := setKey(strings.Split(string(text), "\n"), table, key, strings.TrimSpace(string(line)))
	if err := os.WriteFile(s.File, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func setKey(lines []string, table, key, line string) []string {
	from := 0
	if table != "" {
		heading := "[" + table + "]"
		if from = slices.Index(lines, heading) + 1; from == 0 {
			return append(lines, heading, line, "")
		}
	}
	for i := from; i < len(lines) && !strings.HasPrefix(lines[i], "["); i++ {
		// A default stands behind a #.
		if strings.HasPrefix(strings.TrimPrefix(lines[i], "# "), key+" =") {
			lines[i] = line
			return lines
		}
	}
	return slices.Insert(lines, from, line)
}

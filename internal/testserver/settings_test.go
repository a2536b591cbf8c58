package testserver

import (
	"strings"
	"testing"
)

func TestSetKey(t *testing.T) {
	const file = "hostname = \"a\"\n# user = \"p\"\n\n[log]\n# debug, info\n# level = \"info\"\n\n[queue]\nretry = 1"
	for _, tt := range []struct{ table, key, line, want string }{
		{"", "user", "user = 1", strings.Replace(file, `# user = "p"`, "user = 1", 1)},
		{"log", "level", "level = 2", strings.Replace(file, `# level = "info"`, "level = 2", 1)},
		{"queue", "retry", "retry = 3", strings.Replace(file, "retry = 1", "retry = 3", 1)},
		{"log", "retry", "retry = 4", strings.Replace(file, "[log]", "[log]\nretry = 4", 1)},
		{`a."b.c"`, "d", "d = 5", file + "\n[a.\"b.c\"]\nd = 5\n"},
	} {
		got := strings.Join(setKey(strings.Split(file, "\n"), tt.table, tt.key, tt.line), "\n")
		if got != tt.want {
			t.Errorf("[%s] %s:\n%s\nwant:\n%s", tt.table, tt.key, got, tt.want)
		}
	}
}

//go:build browser

package browser

import (
	"os"
	"testing"
)

// axe is axe-core's script, which is not part of this repository: the file that
// AXE names.
func axe(t *testing.T) string {
	t.Helper()
	file := os.Getenv("AXE")
	if file == "" {
		t.Fatal("AXE does not name axe-core's axe.min.js (make browser does)")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// alike are rows that are built as those before them are: looking at hundreds
// of them takes minutes on a busy machine.
const alike = `["#lines .line:nth-child(n+40)"], ["#sessions li:nth-child(n+5)"], ["#messages li:nth-child(n+5)"], ["#codes tr:nth-child(n+8)"], ["#codes .command:nth-child(n+5)"]`

// accessible fails the test where axe-core finds something on the page as it
// is seen now.
func (b *tab) accessible(script, what string) {
	b.t.Helper()
	if !js[bool](b, `"axe" in window`) {
		js[bool](b, script+"\n;true")
	}
	b.wait(`document.getAnimations().every((a) => a.playState !== "running")`)
	type node struct {
		Target  []string
		Summary string
	}
	found := js[[]struct {
		ID, Help string
		Nodes    []node
	}](b, `axe.run({ exclude: [`+alike+`] }, { resultTypes: ["violations"], iframes: false }).then((r) => r.violations.map((v) => ({ id: v.id, help: v.help,
		nodes: v.nodes.slice(0, 4).map((n) => ({ target: n.target.map(String), summary: n.failureSummary })) })))`)
	for _, v := range found {
		for _, n := range v.Nodes {
			b.t.Errorf("%s: axe-core: %s (%s) at %v: %s", what, v.Help, v.ID, n.Target, n.Summary)
		}
	}
	if len(found) > 0 {
		b.shoot("axe")
	}
}

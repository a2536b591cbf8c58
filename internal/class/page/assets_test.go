package page

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"posthorn/internal/explain"
	"posthorn/internal/fault"
)

// files returns the assets with an ending, by name.
func files(t *testing.T, ending string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(assets, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ending {
			return err
		}
		raw, err := assets.ReadFile(name)
		found[name] = string(raw)
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("assets%s: %d files, %v", ending, len(found), err)
	}
	return found
}

// texts is the page's catalogue.
func texts(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	if err := json.Unmarshal([]byte(files(t, ".json")["assets/text.json"]), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// all are the first submatches of a pattern in a text.
func all(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestTextsHaveEveryLanguage(t *testing.T) {
	for key, entry := range texts(t) {
		values := map[explain.Lang][]string{}
		for _, lang := range explain.Langs() {
			if strings.TrimSpace(entry[string(lang)]) == "" {
				t.Errorf("%s has no text in %s", key, lang)
			}
			values[lang] = all(`\{(\w+)\}`, entry[string(lang)])
			slices.Sort(values[lang])
			if !slices.Equal(values[lang], values[explain.English]) {
				t.Errorf("%s has the values %v in %s, %v in English", key, values[lang], lang, values[explain.English])
			}
		}
		if len(entry) != len(explain.Langs()) {
			t.Errorf("%s has a language that the page does not speak: %v", key, entry)
		}
	}
}

func TestTextsAreThoseThatAreUsed(t *testing.T) {
	known := texts(t)
	used := map[string]bool{}
	var begin []string // of keys that are put together
	need := func(file, key string) {
		used[key] = true
		if known[key] == nil {
			t.Errorf("%s uses %q, which the catalogue does not have", file, key)
		}
	}
	for file, html := range files(t, ".html") {
		for _, key := range all(`data-t(?:-label)?="([^"]*)"`, html) {
			need(file, key)
		}
	}
	for file, js := range files(t, ".js") {
		for _, key := range all(`[^\w.]t\("([^"]*)"`, js) {
			need(file, key)
		}
		for _, literal := range all(`"([a-z0-9-]+)"`, js) {
			used[literal] = true
		}
		begin = append(begin, all(`named\("([a-z0-9-]+)"`, js)...)
		begin = append(begin, all("(?:named|knows|\\bt)\\(`([a-z0-9-]+?)-?\\$\\{", js)...)
		begin = append(begin, all("key = `([a-z0-9-]+)-\\$\\{", js)...)
	}
	for key := range known {
		if !used[key] && !slices.ContainsFunc(begin, func(b string) bool { return strings.HasPrefix(key, b+"-") }) {
			t.Errorf("nothing uses %q", key)
		}
	}
}

// TestTextsKnowTheServersWords holds the catalogue to the vocabulary that the
// interface documents.
func TestTextsKnowTheServersWords(t *testing.T) {
	known := texts(t)
	need := func(key string) {
		if known[key] == nil {
			t.Errorf("the catalogue does not have %q", key)
		}
	}
	// doc is a type's comment, and what stands in it.
	doc := func(file, name, pattern string) []string {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		comment := regexp.MustCompile(`(?m)((?:^\s*//.*\n)+)\s*` + name + `\b`).FindStringSubmatch(string(raw))
		if comment == nil {
			t.Fatalf("%s: no comment on %s", file, name)
		}
		found := all(pattern, comment[1])
		if len(found) == 0 {
			t.Fatalf("%s: the comment on %s lists nothing", file, name)
		}
		return found
	}
	const api = "../api.go"
	for _, kind := range doc("../../wire/note.go", "type Note struct", `(?m)^//\t([a-z-]+) `) {
		need("note-" + kind)
	}
	for _, k := range fault.Kinds() {
		need("fault-" + k.Protocol + "-" + k.Kind)
		need("fault-help-" + k.Protocol + "-" + k.Kind)
	}
	for _, phase := range doc(api, "Phase string", `"([a-z-]+)"`) {
		need("phase-" + phase)
	}
	for _, step := range doc(api, "Step string", `"([a-z-]+)"`) {
		need("step-" + step)
	}
	for _, kind := range doc(api, "Kind  string `json:\"kind\"`\n\tFault", `"([a-z-]+)"`) {
		need("switch-" + kind)
	}
	for _, result := range doc(api, "Result string", `"([a-z-]+)"`) {
		need("queue-" + result)
	}
	for _, key := range doc("api.go", "Error string", `"([a-z-]+)"`) {
		need("trouble-" + key)
	}
	for _, differs := range doc("api.go", "Differs \\[\\]string", `"([a-z-]+)"`) {
		need("differs-" + differs)
	}
	raw, err := os.ReadFile("api.go")
	if err != nil {
		t.Fatal(err)
	}
	whats := all(`"([a-z-]+)"`, strings.Join(all(`(?m)^\tWhat\s+string.*?//(.*)$`, string(raw)), ""))
	if len(whats) == 0 {
		t.Error("Token.What has no comment")
	}
	for _, what := range whats {
		if what != "escape" { // which is drawn
			need("steps-" + what)
		}
	}
}

// TestNothingIsSaidOutsideTheCatalogue: no text stands in HTML or in scripts.
func TestNothingIsSaidOutsideTheCatalogue(t *testing.T) {
	for file, html := range files(t, ".html") {
		for _, text := range all(`>([^<]*)<`, html) {
			if text = strings.TrimSpace(text); text != "" && text != "Posthorn" {
				t.Errorf("%s says %q", file, text)
			}
		}
		for _, attribute := range all(`(?:aria-label|title|placeholder|alt|value)="([^"]+)"`, html) {
			t.Errorf("%s says %q", file, attribute)
		}
	}
	words := regexp.MustCompile(`[A-Za-z]{2,} [A-Za-z]{2,}`)
	letters := regexp.MustCompile(`[^\x00-\x7f]`)
	for file, js := range files(t, ".js") {
		code := regexp.MustCompile(`(?m)(^|\s)//.*$`).ReplaceAllString(js, "")
		code = regexp.MustCompile(`class: ("[^"]*"|`+"`[^`]*`)").ReplaceAllString(code, "")
		code = regexp.MustCompile(`#move\([^;]*;`).ReplaceAllString(code, "") // how what moves looks
		for _, literal := range all("(\"[^\"\n]*\"|`[^`]*`)", code) {
			said := regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllString(literal, "")
			foreign := strings.Trim(letters.FindString(said), "→←⇒⇐✎◆•⚠·↓␠⏎▶…⟨⟩")
			if words.MatchString(said) || foreign != "" {
				t.Errorf("%s says %s", file, literal)
			}
		}
	}
}

// TestColoursStandInOnePlace: a theme changes all of them.
func TestColoursStandInOnePlace(t *testing.T) {
	colour := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|lab|lch|oklch)a?\(|:\s*(?:white|black|red|green|blue|gr[ae]y)\b`)
	for file, text := range files(t, ".css") {
		for _, found := range colour.FindAllString(text, -1) {
			if file != "assets/base.css" {
				t.Errorf("%s names the colour %s", file, found)
			}
		}
	}
}

// TestAssetsAreStrict: what the Content-Security-Policy forbids is not tried,
// nothing comes from elsewhere, and no text is read as markup.
func TestAssetsAreStrict(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|javascript:|` +
		`style="|"style"|cssText|\son[a-z]+="|@import|url\(|https?://`)
	for _, ending := range []string{".html", ".js", ".css"} {
		for file, text := range files(t, ending) {
			text = strings.ReplaceAll(text, `"http://www.w3.org/2000/svg"`, "")
			for _, found := range bad.FindAllString(text, -1) {
				if found != "url(" || !strings.Contains(text, `"url(#head)"`) {
					t.Errorf("%s has %q", file, found)
				}
			}
		}
	}
	for file, html := range files(t, ".html") {
		if scripts := all(`<script([^>]*)>[^<]*\S[^<]*</script>`, html); len(scripts) > 0 || strings.Contains(html, "<style") {
			t.Errorf("%s has a script or a style of its own", file)
		}
	}
}

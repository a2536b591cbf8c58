package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// packages lists the folders with Go files.
func packages(t *testing.T) (dirs []string) {
	for name := range arrows {
		// A folder may be left empty where another version had a package.
		if sources, _ := filepath.Glob(filepath.Join(root, name, "*.go")); len(sources) > 0 {
			dirs = append(dirs, name)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// files lists all files of the tree.
func files(t *testing.T) (paths []string) {
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin"):
			return filepath.SkipDir
		case !d.IsDir():
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestTablesOfContents holds a package's table of its files to the files: a
// row names one, or several by a pattern, and none is left out.
func TestTablesOfContents(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\t([a-z0-9_*]+\.go)(\s|$)`)
	tables := 0
	for _, dir := range packages(t) {
		sources, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		sources = slices.DeleteFunc(sources, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		listed := map[string]bool{}
		for _, file := range sources {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range row.FindAllStringSubmatch(f.Doc.Text(), -1) {
				found := false
				for _, other := range sources {
					if ok, _ := filepath.Match(m[1], filepath.Base(other)); ok {
						listed[other], found = true, true
					}
				}
				if !found {
					t.Errorf("%s lists %s, which is not there", dir, m[1])
				}
			}
		}
		if len(listed) == 0 {
			continue
		}
		tables++
		for _, file := range sources {
			if !listed[file] && filepath.Base(file) != "doc.go" {
				t.Errorf("%s: the package's table of files lacks %s", dir, filepath.Base(file))
			}
		}
	}
	if tables < 8 {
		t.Errorf("only %d packages have a table of their files: are they still read?", tables)
	}
}

// TestMapOfTheHouse holds HACKING.md to the tree: each package has its row, and
// each file that is named is there.
func TestMapOfTheHouse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "HACKING.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rooms []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|").FindAllSubmatch(text, -1) {
		rooms = append(rooms, string(m[1]))
	}
	for _, dir := range packages(t) {
		if !slices.Contains(rooms, dir) && dir != "internal/relay/recode" { // named in relay's row
			t.Errorf("HACKING.md has no row for %s", dir)
		}
	}
	for _, room := range rooms {
		if _, ok := arrows[room]; !ok {
			t.Errorf("HACKING.md has a row for %s, which is not there", room)
		}
	}
	all := files(t)
	names := regexp.MustCompile(`[A-Za-z0-9_./]+\.(go|txt|toml|json|css|js|md|sql)\b`).FindAllString(string(text), -1)
	if len(names) < 30 {
		t.Fatalf("HACKING.md names only %d files: is it still read?", len(names))
	}
	for _, name := range names {
		if strings.Contains(name, "NAME") || strings.Contains(name, "NNNN") {
			continue // what is to be made
		}
		if !slices.ContainsFunc(all, func(path string) bool { return strings.HasSuffix(path, "/"+strings.TrimPrefix(name, "/")) }) {
			t.Errorf("HACKING.md names %s, which is not there", name)
		}
	}
}

// TestLedgerNamesTests holds docs/RFCS.md to the tests and transcripts that it
// says show something.
func TestLedgerNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "RFCS.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`)
	for _, path := range files(t) {
		switch filepath.Ext(path) {
		case ".txt":
			there[filepath.Base(path)] = true
		case ".go":
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(source, -1) {
				there[string(m[1])] = true
			}
		}
	}
	names := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*…?|[\w-]+\.txt\b`).FindAllString(string(text), -1)
	if len(names) < 200 {
		t.Fatalf("docs/RFCS.md names only %d tests: is it still read?", len(names))
	}
	for _, name := range names {
		if !there[name] && !strings.HasSuffix(name, "…") {
			t.Errorf("docs/RFCS.md names %s, which is not there", name)
		}
	}
}

// TestLongTail holds functions and files to their lengths, in lines.
func TestLongTail(t *testing.T) {
	const longestFile, longestFunction = 500, 80
	for _, path := range files(t) {
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := set.File(f.Pos()).LineCount(); n > longestFile {
			t.Errorf("%s has %d lines", path, n)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; n > longestFunction {
					t.Errorf("%s: %s has %d lines", path, fn.Name.Name, n)
				}
			}
		}
	}
}

// Package migrations holds the store's schema as a row of SQL files, each of
// which brings it one version further.
//
// A file is named NNNN_what.sql, numbered from 0001 without gaps, and never
// changes once it was released: what has run somewhere cannot run differently.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed *.sql
var files embed.FS

// Migration is one step of the schema.
type Migration struct {
	// Version is the schema's version after it.
	Version int
	Name    string
	SQL     string
}

// All returns the migrations in order; the last one's version is that of the
// schema that this program works with.
func All() ([]Migration, error) { return read(files) }

func read(fsys fs.FS) ([]Migration, error) {
	names, err := fs.Glob(fsys, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, name := range names {
		number, what, ok := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil || len(number) != 4 || version != i+1 {
			return nil, fmt.Errorf("migrations: %s: want %04d_what.sql next", name, i+1)
		}
		sql, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{version, what, string(sql)})
	}
	return all, nil
}

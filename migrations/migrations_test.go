package migrations

import (
	"testing"
	"testing/fstest"
)

func TestAllAreNumberedInOrder(t *testing.T) {
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d migrations, %v", len(all), err)
	}
	for i, m := range all {
		if m.Version != i+1 || m.Name == "" || m.SQL == "" {
			t.Errorf("migration %d is %+v", i+1, m)
		}
	}
}

func TestReadRefusesGapsAndOddNames(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("SELECT 1")}
	for _, names := range [][]string{
		{"0002_b.sql"},
		{"0001_a.sql", "0003_c.sql"},
		{"0001_a.sql", "0001_b.sql"},
		{"1_a.sql"},
		{"0001.sql"},
	} {
		fsys := fstest.MapFS{}
		for _, n := range names {
			fsys[n] = file
		}
		if all, err := read(fsys); err == nil {
			t.Errorf("%v was taken as %v", names, all)
		}
	}
}

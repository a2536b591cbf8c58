package recode

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCorpus: every message of the corpus, for either channel, is converted to
// what decodes to the same, or refused for a reason. The second pass finds
// nothing left to do.
func TestCorpus(t *testing.T) {
	const dir = "../../message/testdata/corpus"
	kinds := []string{"", "raw "}
	count := make(map[string]int)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" || d.Name() == "LICENSE.txt" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		for i, msg := range [][]byte{lines, raw} { // raw: many have bare LFs
			for _, channel := range []Channel{SevenBit, EightBit} {
				count[kinds[i]+convertAndCompare(t, strings.TrimPrefix(path, dir), msg, channel)]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(count)
	if count["same"] < 500 || count["converted"] < 20 || count["refused"] > 40 {
		t.Errorf("too few were converted: %v", count)
	}
}

func convertAndCompare(t *testing.T, name string, msg []byte, channel Channel) string {
	t.Helper()
	got, err := recode(t, msg, channel)
	if err != nil {
		return "refused"
	}
	if bytes.Equal(got, msg) {
		return "same"
	}
	before, after := leaves(msg), leaves(got)
	if len(before) != len(after) {
		t.Errorf("%s to %s: %d parts became %d", name, channel, len(before), len(after))
		return "bad"
	}
	for i := range before {
		if before[i].Encoding == "quoted-printable" { // its line ends are CRLF, whatever they were
			before[i].Body = repaired(before[i].Body)
		}
		before[i].Encoding, after[i].Encoding = "", ""
		if before[i] != after[i] {
			t.Errorf("%s to %s: part %d changed (-before +after)\n%.2000s", name, channel, i, cmp.Diff(before[i], after[i]))
		}
	}
	again, err := recode(t, got, channel)
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("%s to %s: a second pass changes it again: %v", name, channel, err)
	}
	return "converted"
}

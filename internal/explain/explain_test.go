package explain

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestLoad(t *testing.T) {
	if _, err := load(); err != nil {
		t.Fatal(err)
	}
}

// TestLanguages: no text lacks a language, and each letter is one character
// (NFC), of which a terminal's columns are counted.
func TestLanguages(t *testing.T) {
	check := func(where string, text Text, needed bool) {
		if (text.IsZero() && needed) || !text.IsZero() && (text.English == "" || text.Vietnamese == "") {
			t.Errorf("%s: a language is missing: %+v", where, text)
		}
		for _, l := range Langs() {
			s := text.In(l)
			if s != strings.TrimSpace(s) || strings.Contains(s, "\n") {
				t.Errorf("%s: white space in %q", where, s)
			}
			if !norm.NFC.IsNormalString(s) {
				t.Errorf("%s: letters in pieces in %q", where, s)
			}
		}
	}
	for _, e := range Entries() {
		check(e.Key()+" title", e.Title, true)
		check(e.Key()+" meaning", e.Meaning, true)
		check(e.Key()+" here", e.Here, false)
	}
	for _, c := range Codes() {
		check(c.Key()+" origin", c.Origin, !c.Standard)
		for _, s := range c.Shows {
			check(s.ID, s.Title, true)
		}
	}
	for _, r := range Rows() {
		for _, x := range r.Exceptions {
			check(r.Command, x.Why, true)
		}
	}
}

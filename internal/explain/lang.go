package explain

import (
	"fmt"
	"strings"
)

// Lang is a language of the catalogue, as BCP 47 names it.
type Lang string

// The languages.
const (
	English    Lang = "en"
	Vietnamese Lang = "vi"
)

// Langs are all languages; the first is the one that everything falls back to.
func Langs() []Lang { return []Lang{English, Vietnamese} }

// ParseLang knows a language by its name ("vi"), or by a locale ("vi_VN.UTF-8").
func ParseLang(s string) (Lang, error) {
	name, _, _ := strings.Cut(strings.ToLower(s), ".")
	name, _, _ = strings.Cut(strings.ReplaceAll(name, "-", "_"), "_")
	for _, l := range Langs() {
		if name == string(l) {
			return l, nil
		}
	}
	return English, fmt.Errorf("there is no language %q; there are en and vi", s)
}

// Text is a text in every language. The zero Text is no text.
type Text struct {
	English    string `toml:"en" json:"en"`
	Vietnamese string `toml:"vi" json:"vi"`
}

// In is the text in a language.
func (t Text) In(l Lang) string {
	if l == Vietnamese {
		return t.Vietnamese
	}
	return t.English
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t == Text{} }

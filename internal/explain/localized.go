package explain

import "strconv"

// Localized is the whole catalogue in one language, for a page.
type Localized struct {
	Lang    Lang             `json:"lang"`
	Entries []LocalizedEntry `json:"entries"`
	Codes   []LocalizedCode  `json:"codes"`
	Rows    []LocalizedRow   `json:"rows"`
	// AnyCommand are the codes that stand in every row.
	AnyCommand []int `json:"any_command"`
}

// LocalizedEntry is an Entry in one language. Key is what Keys gives for a
// line.
type LocalizedEntry struct {
	Key      string `json:"key"`
	Protocol string `json:"protocol"`
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`
	Syntax   string `json:"syntax,omitempty"`
	Title    string `json:"title"`
	Meaning  string `json:"meaning"`
	Here     string `json:"here,omitempty"`
	RFC      string `json:"rfc,omitempty"`
	// Parts explain the rest of a line; only LocalizeEntries gives them.
	Parts []LocalizedEntry `json:"parts,omitempty"`
	// Code, for a reply code of SMTP; only LocalizeEntries gives it.
	Code *LocalizedCode `json:"code,omitempty"`
}

// LocalizedCode is a Code in one language; its texts are in the entry of Key.
type LocalizedCode struct {
	Key      string          `json:"key"`
	Code     int             `json:"code"`
	Standard bool            `json:"standard"`
	Origin   string          `json:"origin,omitempty"`
	Instead  []string        `json:"instead,omitempty"`
	Given    bool            `json:"given"`
	Shows    []LocalizedShow `json:"shows,omitempty"`
}

// LocalizedShow is a Show in one language.
type LocalizedShow struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Steps []Step `json:"steps"`
	Ends  string `json:"ends"`
	Needs string `json:"needs,omitempty"`
}

// LocalizedRow is a Row in one language.
type LocalizedRow struct {
	Command    string               `json:"command"`
	Positive   []int                `json:"positive"`
	Negative   []int                `json:"negative"`
	Exceptions []LocalizedException `json:"exceptions,omitempty"`
}

// LocalizedException is an Exception in one language.
type LocalizedException struct {
	Code int    `json:"code"`
	RFC  string `json:"rfc"`
	Why  string `json:"why"`
}

// Localize gives the catalogue in a language.
func Localize(l Lang) Localized {
	all := Localized{Lang: l, AnyCommand: AnyCommand()}
	for _, e := range Entries() {
		all.Entries = append(all.Entries, e.localize(l))
	}
	for _, c := range Codes() {
		all.Codes = append(all.Codes, c.localize(l))
	}
	for _, r := range Rows() {
		out := LocalizedRow{Command: r.Command, Positive: r.Positive, Negative: r.Negative}
		for _, x := range r.Exceptions {
			out.Exceptions = append(out.Exceptions, LocalizedException{x.Code, x.RFC, x.Why.In(l)})
		}
		all.Rows = append(all.Rows, out)
	}
	return all
}

// LocalizeEntries gives what Command, Reply and Search found in a language, with
// its parts.
func LocalizeEntries(l Lang, entries []Entry) []LocalizedEntry {
	var out []LocalizedEntry
	for _, e := range entries {
		le := e.localize(l)
		if len(e.Parts) > 0 {
			le.Parts = LocalizeEntries(l, e.Parts)
		}
		if n, err := strconv.Atoi(e.Name); err == nil {
			if c, ok := FindCode(n); ok {
				lc := c.localize(l)
				le.Code = &lc
			}
		}
		out = append(out, le)
	}
	return out
}

func (e *Entry) localize(l Lang) LocalizedEntry {
	return LocalizedEntry{Key: e.Key(), Protocol: e.Protocol, Kind: e.Kind, Name: e.Name, Syntax: e.Syntax,
		Title: e.Title.In(l), Meaning: e.Meaning.In(l), Here: e.Here.In(l), RFC: e.RFC}
}

func (c *Code) localize(l Lang) LocalizedCode {
	out := LocalizedCode{Key: c.Key(), Code: c.Code, Standard: c.Standard, Origin: c.Origin.In(l), Instead: c.Instead, Given: c.Given}
	for _, s := range c.Shows {
		out.Shows = append(out.Shows, LocalizedShow{s.ID, s.Title.In(l), s.Steps, s.Ends, s.Needs})
	}
	return out
}

package explain

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
		all.Entries = append(all.Entries, LocalizedEntry{e.Key(), e.Protocol, e.Kind, e.Name, e.Syntax,
			e.Title.In(l), e.Meaning.In(l), e.Here.In(l), e.RFC})
	}
	for _, c := range Codes() {
		out := LocalizedCode{Key: c.Key(), Code: c.Code, Standard: c.Standard, Origin: c.Origin.In(l), Instead: c.Instead, Given: c.Given}
		for _, s := range c.Shows {
			out.Shows = append(out.Shows, LocalizedShow{s.ID, s.Title.In(l), s.Steps, s.Ends, s.Needs})
		}
		all.Codes = append(all.Codes, out)
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

package page

import (
	"net/http"

	"posthorn/internal/explain"
)

// Explained says where a line of the transcript stands in the catalogue.
type Explained struct {
	// Keys are of the line's entry and of those of its parts; empty where
	// nothing is known of it.
	Keys []string `json:"keys"`
}

// catalogue is the whole catalogue in the language that is asked for.
func catalogue(r *http.Request) (any, error) {
	lang, err := explain.ParseLang(r.FormValue("lang"))
	if err != nil {
		return nil, &problem{http.StatusBadRequest, "bad-request", err.Error()}
	}
	return explain.Localize(lang), nil
}

// explainLine finds a line of the transcript in the catalogue.
func explainLine(r *http.Request) (any, error) {
	find := explain.Command
	switch r.FormValue("from") {
	case "client":
	case "server":
		find = explain.Reply
	default:
		return nil, &problem{http.StatusBadRequest, "bad-request", "from must be client or server"}
	}
	entry, ok := find(r.FormValue("protocol"), r.FormValue("text"))
	if !ok {
		return Explained{Keys: []string{}}, nil
	}
	return Explained{Keys: entry.Keys()}, nil
}

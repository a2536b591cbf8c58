package imapd

import (
	"maps"
	"slices"
	"strings"
)

// cmdID is ID (RFC 2971): who the server is. What the client tells of itself
// is for the transcript, and for quirks.go.
func (s *session) cmdID(d *decoder) error {
	id := d.idArgs()
	if err := d.end(); err != nil {
		return err
	}
	s.heed(id)
	w := s.out
	w.raw("* ID ")
	if len(s.srv.id) == 0 {
		w.raw("NIL")
	}
	for i, f := range s.srv.id {
		if w.raw(" "[:min(i, 1)]); i == 0 {
			w.raw("(")
		}
		w.string(f.name)
		w.raw(" ")
		w.string(f.value)
		if i == len(s.srv.id)-1 {
			w.raw(")")
		}
	}
	w.end()
	return nil
}

// idFields is what ID tells, by configuration: name and version first, unless
// they are changed or emptied; then the operator's fields by name.
func (cfg Config) idFields() []idField {
	fields := []idField{{"name", "Posthorn"}, {"version", cfg.Version}}
	for _, name := range slices.Sorted(maps.Keys(cfg.ID)) {
		f := idField{strings.ToLower(name), cfg.ID[name]}
		if i := slices.IndexFunc(fields, func(g idField) bool { return g.name == f.name }); i >= 0 {
			fields[i] = f // RFC 2971 §3.3: no name twice
		} else {
			fields = append(fields, f)
		}
	}
	return slices.DeleteFunc(fields, func(f idField) bool { return f.value == "" })
}

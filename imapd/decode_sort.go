package imapd

import (
	"strings"

	"posthorn/store"
)

// maxSortKeys is the most criteria of one SORT: there are fewer different ones.
const maxSortKeys = 20

// sortArgs decodes the arguments of SORT and UID SORT (RFC 5256 §5, RFC 5267
// §3) from the space after the name on.
func (d *decoder) sortArgs() searchArgs {
	var a searchArgs
	d.sp()
	d.returnOptions(&a)
	d.list1("a sort criterion", func() {
		if len(a.order) == maxSortKeys {
			d.limit("More than %d sort criteria", maxSortKeys)
			return
		}
		a.order = append(a.order, d.sortBy())
	})
	d.sp()
	d.searchCriteria(&a)
	return a
}

// sortBy decodes a sort-criterion.
func (d *decoder) sortBy() store.SortBy {
	var by store.SortBy
	start := d.pos
	name := d.upperAtom("a sort criterion")
	if name == "REVERSE" {
		by.Reverse = true
		d.sp()
		start = d.pos
		name = d.upperAtom("a sort criterion")
	}
	key, ok := sortKeys()[name]
	if !ok && d.err == nil {
		d.pos = start
		d.reject(bad("Unknown sort criterion %s", shown(name)))
	}
	by.Key = key
	return by
}

func sortKeys() map[string]store.SortKey {
	return map[string]store.SortKey{
		"ARRIVAL": store.SortArrival,
		"CC":      store.SortCc,
		"DATE":    store.SortDate,
		"FROM":    store.SortFrom,
		"SIZE":    store.SortSize,
		"SUBJECT": store.SortSubject,
		"TO":      store.SortTo,

		"DISPLAYFROM": store.SortDisplayFrom, // RFC 5957
		"DISPLAYTO":   store.SortDisplayTo,
		"RELEVANCY":   store.SortRelevancy, // RFC 6203
	}
}

// threadArgs decodes the arguments of THREAD and UID THREAD (RFC 5256 §5) from
// the space after the name on.
func (d *decoder) threadArgs() (how store.ThreadAlgorithm, a searchArgs) {
	d.sp()
	start := d.pos
	switch name := d.upperAtom("a threading algorithm"); name {
	case "ORDEREDSUBJECT":
		how = store.OrderedSubject
	case "REFERENCES":
		how = store.References
	case "REFS":
		how = store.Refs
	default:
		if d.err == nil {
			d.pos = start
			d.reject(bad("Unknown threading algorithm %s", shown(name)))
		}
	}
	d.sp()
	d.searchCriteria(&a)
	return how, a
}

// searchCriteria decodes a charset, which SORT and THREAD cannot go without,
// and search keys.
func (d *decoder) searchCriteria(a *searchArgs) {
	d.charset(a)
	d.sp()
	d.searchKeys(a)
}

// charset decodes a charset's name into upper case.
func (d *decoder) charset(a *searchArgs) {
	if d.peek() == '"' {
		a.charset = strings.ToUpper(d.quoted())
	} else {
		a.charset = d.upperAtom("a charset")
	}
}

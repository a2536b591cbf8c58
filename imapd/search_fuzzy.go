package imapd

import (
	"slices"
	"strings"
	"unicode/utf8"

	"posthorn/internal/mail"
	"posthorn/store"
)

// FUZZY (RFC 6203) loosens what its key says about text, and nothing else. A
// message matches that has all the words, or what they begin with; how close
// it comes is its relevancy, and of those that come as close the newer are the
// more relevant.

// closeness is how a text was found.
type closeness int

const (
	asWritten     closeness = iota
	allWords                // in any order
	allBeginnings           // of the words, in any order
)

// relevancies are where the scores of each closeness begin.
var relevancies = [...]int{asWritten: 68, allWords: 35, allBeginnings: 1}

// relevancySpan is how far above that they reach.
const relevancySpan = 32

// keyFuzzyText is a criterion about text inside FUZZY.
type keyFuzzyText struct {
	text  store.HasText
	words []string
}

func (k keyFuzzyText) query(func(numSet, bool) store.InSet) store.Query { return k.at(allBeginnings) }

// at is the criterion at a closeness.
func (k keyFuzzyText) at(c closeness) store.Query {
	if c == asWritten || len(k.words) == 0 {
		return k.text
	}
	var and store.And
	for _, word := range k.words {
		q := k.text
		if q.Value = word; c == allBeginnings {
			q.Value = beginningOf(word)
		}
		and = append(and, q)
	}
	return and
}

// beginningOf is the first two thirds of a word, at least three characters.
func beginningOf(word string) string {
	n := utf8.RuneCountInString(word)
	keep := max(3, (2*n+2)/3)
	for i := range word {
		if keep == 0 {
			return word[:i]
		}
		keep--
	}
	return word
}

// closer is a key with what is fuzzy in it at a closeness.
func closer(key searchKey, c closeness) searchKey {
	switch k := key.(type) {
	case keyAnd:
		return keyAnd(allCloser(k, c))
	case keyOr:
		return keyOr(allCloser(k, c))
	case keyFuzzyText:
		return keyQuery{k.at(c)}
	}
	return key
}

func allCloser(keys []searchKey, c closeness) []searchKey {
	out := make([]searchKey, len(keys))
	for i, k := range keys {
		out[i] = closer(k, c)
	}
	return out
}

// fuzzyKey decodes FUZZY's key.
func (p *searchProgram) fuzzyKey(depth int) searchKey {
	p.sp()
	p.fuzzy = true
	p.loose++
	k := p.key(depth + 1)
	p.loose--
	return k
}

// exactKey decodes a key in which FUZZY changes nothing: what NOT excludes
// would grow.
func (p *searchProgram) exactKey(depth int) searchKey {
	loose := p.loose
	p.loose = 0
	k := p.key(depth)
	p.loose = loose
	return k
}

// textQuery is the criterion that a text makes.
func (p *searchProgram) textQuery(q store.HasText) searchKey {
	if p.loose == 0 || p.err != nil {
		return keyQuery{q}
	}
	words := strings.Fields(q.Value)
	if p.keys += len(words); p.keys > maxSearchKeys {
		p.limit("More than %d search keys and words in FUZZY ones", maxSearchKeys)
		return matchNone
	}
	return keyFuzzyText{q, words}
}

// score gives the hits of a fuzzy search their scores.
func (s *session) score(hits []store.SearchHit, key searchKey, p *store.Progress) error {
	among := store.InSet{Set: uidsOf(hits)}
	closest := make(map[mail.UID]closeness, len(hits))
	for _, h := range hits {
		closest[h.UID] = allBeginnings
	}
	for _, c := range []closeness{allWords, asWritten} {
		found, err := s.srv.store.SearchCounted(s.ctx, s.box.id, store.And{among, closer(key, c).query(s.searchSet)}, p)
		if err != nil {
			return err
		}
		for _, h := range found {
			closest[h.UID] = c
		}
	}
	var of, seen [len(relevancies)]int
	for _, c := range closest {
		of[c]++
	}
	for i := range hits {
		c := closest[hits[i].UID]
		seen[c]++
		hits[i].Score = relevancies[c] + relevancySpan*seen[c]/of[c]
	}
	return nil
}

// writeRelevancy appends the scores of what is returned.
func (s *session) writeRelevancy(hits []store.SearchHit) {
	w := s.out
	w.raw(" RELEVANCY (")
	for i, h := range hits {
		if i > 0 {
			w.raw(" ")
		}
		w.num(uint64(h.Score))
	}
	w.raw(")")
}

// byRelevancy: the order has RELEVANCY in it.
func byRelevancy(order []store.SortBy) bool {
	return slices.ContainsFunc(order, func(b store.SortBy) bool { return b.Key == store.SortRelevancy })
}

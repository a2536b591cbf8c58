package auth

import "container/list"

// lru is a map of bounded size: the entry that was not used for longest goes
// first. The zero lru is not usable; its owner guards it.
type lru[K comparable, V any] struct {
	max     int
	entries map[K]*list.Element
	order   *list.List // front: used last; of lruEntry[K, V]
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](max int) *lru[K, V] {
	return &lru[K, V]{max: max, entries: map[K]*list.Element{}, order: list.New()}
}

func (l *lru[K, V]) get(key K) (v V, ok bool) {
	e, ok := l.entries[key]
	if !ok {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(lruEntry[K, V]).value, true
}

func (l *lru[K, V]) put(key K, v V) {
	if e, ok := l.entries[key]; ok {
		e.Value = lruEntry[K, V]{key, v}
		l.order.MoveToFront(e)
		return
	}
	l.entries[key] = l.order.PushFront(lruEntry[K, V]{key, v})
	if l.order.Len() > l.max {
		l.remove(l.order.Back().Value.(lruEntry[K, V]).key)
	}
}

func (l *lru[K, V]) remove(key K) {
	if e, ok := l.entries[key]; ok {
		l.order.Remove(e)
		delete(l.entries, key)
	}
}

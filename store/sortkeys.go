package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

const (
	// keyRows is how many rows of sortkeys are read, made and written in one
	// transaction: while they are written all others wait, some 10 ms.
	keyRows = 2048
	// keyWeight is about how many octets writing one takes.
	keyWeight = 256
	// keySeparator parts the columns of a row that is read as one text.
	keySeparator = "\x1f"
)

// readKeys sets what is wanted of the messages' keys, and makes those that are
// not there yet. It leaves out the messages that are gone.
func (s *Store) readKeys(ctx context.Context, mb MailboxID, list []sortable, want keyColumns, p *Progress) ([]sortable, error) {
	keeper := keyKeeper{s: s}
	var end func() // of the turn to make keys
	for from := 0; from < len(list); from += keyRows {
		batch := list[from:min(from+keyRows, len(list))]
		missing, err := s.readSomeKeys(ctx, batch, want)
		if len(missing) > 0 && end == nil {
			if end, err = s.beginTurn(ctx, mb); err != nil {
				return nil, err
			}
			defer end()
			missing, err = s.readSomeKeys(ctx, batch, want) // whose turn it was may have made them
		}
		if err != nil {
			return nil, err
		}
		p.add(len(batch) - len(missing))
		if len(missing) == 0 {
			continue
		}
		rows, err := s.makeKeys(ctx, mb, batch, missing, want)
		if err == nil {
			err = keeper.keep(ctx, rows)
		}
		if err != nil {
			return nil, err
		}
		p.add(len(missing))
	}
	if err := keeper.end(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(m sortable) bool { return m.content == 0 }), nil
}

// query selects a text: a line for each row of sortkeys in a range of contents,
// with the content and the wanted columns; with list, for each in a JSON array.
func (c *keyColumns) query(list bool) string {
	columns := "k.content"
	if c.ids {
		columns += ", k.reply, k.ids"
	}
	for _, key := range c.texts {
		columns += ", k." + key.column()
	}
	from := "sortkeys AS k WHERE k.content BETWEEN ? AND ?"
	if list {
		from = "json_each(?) AS r CROSS JOIN sortkeys AS k ON k.content = r.value"
	}
	return "SELECT group_concat(line, char(10)) FROM (SELECT concat_ws(char(31), " + columns + ") AS line FROM " + from + ")"
}

// sparse is how many contents may lie between the lowest and the highest of a
// batch, for each that is in it, before it is better to name them.
const sparse = 3

// selectKeys reads the rows of a batch, and perhaps others between them.
func (s *Store) selectKeys(ctx context.Context, batch []sortable, want keyColumns) (text []byte, err error) {
	low, high := batch[0].content, batch[0].content
	for i := range batch {
		low, high = min(low, batch[i].content), max(high, batch[i].content)
	}
	query, args := want.query(false), []any{int64(low), int64(high)}
	if int64(high-low) > sparse*int64(len(batch)) {
		ids := []byte{'['}
		for i := range batch {
			if i > 0 {
				ids = append(ids, ',')
			}
			ids = strconv.AppendInt(ids, int64(batch[i].content), 10)
		}
		query, args = want.query(true), []any{string(append(ids, ']'))}
	}
	err = s.readOne(ctx, func(tx *readTx) (err error) {
		text, err = tx.text(query, args...)
		return err
	})
	return text, err
}

// readSomeKeys reads a batch's keys, and returns the places of those that
// are not there.
func (s *Store) readSomeKeys(ctx context.Context, batch []sortable, want keyColumns) (missing []int, err error) {
	text, err := s.selectKeys(ctx, batch, want)
	if err != nil {
		return nil, err
	}
	lines := make(map[ContentID]string, len(batch))
	for rest := string(text); rest != ""; {
		var line, content string
		line, rest, _ = strings.Cut(rest, "\n")
		content, line, _ = strings.Cut(line, keySeparator)
		id, err := strconv.ParseInt(content, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("a row of sortkeys: %w", mail.ErrCorrupt)
		}
		lines[ContentID(id)] = line
	}
	texts := make([]string, len(batch)*len(want.texts))
	for i := range batch {
		line, ok := lines[batch[i].content]
		if !ok {
			missing = append(missing, i)
			continue
		}
		batch[i].texts, texts = texts[:len(want.texts)], texts[len(want.texts):]
		batch[i].take(line, want)
	}
	return missing, nil
}

// take sets what a line of the query has, behind the content.
func (m *sortable) take(line string, want keyColumns) {
	next := func() (field string) {
		field, line, _ = strings.Cut(line, keySeparator)
		return field
	}
	if want.ids {
		m.reply = next() == "1"
		m.ids = next()
	}
	for i := range m.texts {
		m.texts[i] = next()
	}
}

// keyRow is a row of sortkeys.
type keyRow struct {
	content ContentID
	ids     string
	keys    message.Keys
}

// keyMakers is how many goroutines make keys at once.
const keyMakers = 2

// makeKeys makes the keys of some of a batch. A message that is gone gets the
// content 0.
func (s *Store) makeKeys(ctx context.Context, mb MailboxID, batch []sortable, places []int, want keyColumns) ([]keyRow, error) {
	var rows [keyMakers][]keyRow
	var errs [keyMakers]error
	var wg sync.WaitGroup
	i := 0
	for part := range slices.Chunk(places, len(places)/keyMakers+1) {
		n := i
		wg.Go(func() {
			errs[n] = s.turns.work(ctx, func() (err error) {
				defer s.recovered(&err)
				rows[n], err = s.makeSomeKeys(ctx, mb, batch, part, want)
				return err
			})
		})
		i++
	}
	wg.Wait()
	return slices.Concat(rows[:]...), errors.Join(errs[:]...)
}

// makeSomeKeys is makeKeys in one goroutine.
func (s *Store) makeSomeKeys(ctx context.Context, mb MailboxID, batch []sortable, places []int, want keyColumns) ([]keyRow, error) {
	var set mail.UIDSet
	at := make(map[mail.UID]*sortable, len(places))
	for _, i := range places {
		set.Add(batch[i].hit.UID)
		at[batch[i].hit.UID] = &batch[i]
	}
	rows := make([]keyRow, 0, len(places))
	for m, err := range s.Messages(ctx, mb, set, Brief|WantEnvelope|WantHeader) {
		if err != nil {
			return nil, err
		}
		row := newKeyRow(m)
		rows = append(rows, row)
		to := at[m.UID]
		delete(at, m.UID)
		to.reply, to.ids = row.keys.Reply, row.ids
		to.texts = make([]string, 0, len(want.texts))
		for _, key := range want.texts {
			to.texts = append(to.texts, row.text(key))
		}
	}
	for _, gone := range at {
		gone.content = 0
	}
	return rows, nil
}

// keyKeeper keeps keys for the next who asks, while more are made.
type keyKeeper struct {
	s    *Store
	wait func() error // for those that are being written; nil: none are
}

// keep begins to write rows, once those before are written.
func (k *keyKeeper) keep(ctx context.Context, rows []keyRow) error {
	if err := k.end(); err != nil || len(rows) == 0 {
		return err
	}
	wait, err := k.s.begin(ctx, len(rows)*keyWeight, func(tx *writeTx) error { return tx.insertKeys(rows) })
	k.wait = wait
	return keyLoss(err)
}

// end waits until all is written.
func (k *keyKeeper) end() error {
	wait := k.wait
	if wait == nil {
		return nil
	}
	k.wait = nil
	return keyLoss(wait())
}

// keyLoss is nil where nothing can be written: whoever asks next makes the keys
// again.
func keyLoss(err error) error {
	if errors.Is(err, mail.ErrNoSpace) || errors.Is(err, mail.ErrUnavailable) {
		return nil
	}
	return err
}

func newKeyRow(m *Message) keyRow {
	row := keyRow{content: m.Content, keys: message.KeysOf(m.Envelope, m.Header)}
	b := strconv.AppendUint(nil, uint64(row.keys.ID), 16)
	for _, id := range row.keys.References {
		b = strconv.AppendUint(append(b, ' '), uint64(id), 16)
	}
	row.ids = string(b)
	for _, text := range []*string{&row.keys.Subject, &row.keys.From, &row.keys.To, &row.keys.Cc, &row.keys.DisplayFrom, &row.keys.DisplayTo} {
		*text = plainKey(*text)
	}
	return row
}

// plainKey is a text without what parts texts where they are read.
func plainKey(s string) string {
	parts := func(r rune) bool { return r == '\n' || r == '\x1f' || r == 0 }
	if !strings.ContainsFunc(s, parts) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if parts(r) {
			return ' '
		}
		return r
	}, s)
}

// text is the text that a key compares.
func (r *keyRow) text(k SortKey) string {
	switch k {
	case SortSubject:
		return r.keys.Subject
	case SortFrom:
		return r.keys.From
	case SortTo:
		return r.keys.To
	case SortCc:
		return r.keys.Cc
	case SortDisplayFrom:
		return r.keys.DisplayFrom
	}
	return r.keys.DisplayTo
}

// insertKeys keeps keys, but for contents that are gone meanwhile.
func (tx *writeTx) insertKeys(rows []keyRow) error {
	for i := range rows {
		r := &rows[i]
		_, err := tx.exec(`INSERT OR IGNORE INTO sortkeys (content, ids, reply, subject, sender, recipient, cc, display_from, display_to)
			SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM contents WHERE id = ?`,
			r.ids, r.keys.Reply, r.keys.Subject, r.keys.From, r.keys.To, r.keys.Cc, r.keys.DisplayFrom, r.keys.DisplayTo, r.content)
		if err != nil {
			return err
		}
	}
	return nil
}

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// maxSearchRead is about how many octets of blobs a search reads in one
// transaction.
const maxSearchRead = 4 << 20

const (
	selectHeaders = `SELECT r.key, c.size, c.header_size, c.head, c.chunk, t.header, x'', x''
		FROM json_each(?) AS r CROSS JOIN contents AS c ON c.id = r.value CROSS JOIN meta AS t ON t.content = c.id`
	selectBodies = `SELECT r.key, c.size, c.header_size, c.head, c.chunk, t.header, t.parts, k.data
		FROM json_each(?) AS r CROSS JOIN contents AS c ON c.id = r.value CROSS JOIN meta AS t ON t.content = c.id
		LEFT JOIN chunks AS k ON k.key = c.id << 16`
)

// searchWorker decides batches of messages, one after another, of one search or
// of several.
type searchWorker struct {
	*search
	lister   lister
	verdicts []verdict // on the lister's rows
	headers  []int     // rows of which the header must be read
	bodies   []int     // rows of which the body must be read

	// What fetch read: of some of the rows, and the octets that they refer to.
	fetched []fetched
	octets  []byte

	scanner     message.Scanner
	look        lookout
	content     *Content
	header, raw []byte // buffers
}

func newSearchWorker() *searchWorker {
	return &searchWorker{lister: lister{scan: rowScanner{zones: zones{}}}}
}

// release gives the worker back for other searches.
func (w *searchWorker) release() {
	s := w.s
	if w.content != nil {
		w.content.Close()
	}
	w.search, w.content, w.look = nil, nil, lookout{found: w.look.found, seam: w.look.seam}
	w.lister.scan.lists = nil
	s.searchers.Put(w)
}

// fetched is what was read of a row's message.
type fetched struct {
	row                           int
	size, headerSize, head, chunk int64
	header, parts, data           span
}

// batch decides the messages that the lister holds: by their rows, then by
// their headers, then by their bodies, each only where it must.
func (w *searchWorker) batch() ([]SearchHit, error) {
	rows := w.lister.rows
	w.verdicts, w.headers, w.bodies = w.verdicts[:0], w.headers[:0], w.bodies[:0]
	for i := range rows {
		c := candidate{m: &rows[i]}
		v := w.plan.decide(&c)
		if err := w.tire(&c); err != nil {
			return nil, err
		}
		w.verdicts = append(w.verdicts, v)
		switch {
		case v != unknown:
		case c.need > onHeader || w.plan.whole:
			w.bodies = append(w.bodies, i)
		default:
			w.headers = append(w.headers, i)
		}
	}
	if err := w.read(w.headers, selectHeaders, w.decideHeader); err != nil {
		return nil, err
	}
	if err := w.read(w.bodies, selectBodies, w.decideBody); err != nil {
		return nil, err
	}
	var hits []SearchHit
	for i, v := range w.verdicts {
		if v == yes {
			hits = append(hits, SearchHit{UID: rows[i].UID, ModSeq: rows[i].ModSeq})
		}
	}
	return hits, nil
}

// read fetches what a query selects of rows, and has each row decided. Rows
// whose message is gone do not match.
func (w *searchWorker) read(rows []int, query string, decide func(f *fetched, c *candidate) error) error {
	for _, i := range rows {
		w.verdicts[i] = no
	}
	for len(rows) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n, err := w.fetch(rows, query)
		if err != nil {
			return err
		}
		rows = rows[n:]
		for i := range w.fetched {
			f := &w.fetched[i]
			c := candidate{m: &w.lister.rows[f.row], long: f.headerSize > f.head}
			if err := decide(f, &c); err != nil && !errors.Is(err, mail.ErrNotFound) {
				return err
			}
			if err := w.tire(&c); err != nil {
				return err
			}
		}
	}
	return nil
}

// tire counts what it cost to decide on c.
func (w *searchWorker) tire(c *candidate) error {
	if !w.plan.costly() {
		return nil
	}
	return w.progress.spend(c.work)
}

// left is how many steps a message may take before it is sure that tire refuses
// to go on.
func (w *searchWorker) left() int {
	if !w.plan.costly() {
		return math.MaxInt
	}
	return w.progress.left()
}

// fetch reads blobs of some of the rows, and returns how many rows it has done
// with.
func (w *searchWorker) fetch(list []int, query string) (n int, err error) {
	ids := []byte{'['}
	for i, row := range list {
		if i > 0 {
			ids = append(ids, ',')
		}
		ids = strconv.AppendInt(ids, int64(w.lister.rows[row].Content), 10)
	}
	ids = append(ids, ']')
	w.fetched, w.octets = w.fetched[:0], w.octets[:0]
	n = len(list)
	err = w.s.readOne(w.ctx, func(tx *readTx) error {
		rows, err := tx.query(query, string(ids))
		if err != nil {
			return err
		}
		defer rows.Close()
		var numbers [5]any // see rowScanner
		var header, parts, data sql.RawBytes
		for rows.Next() {
			if err := rows.Scan(&numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4], &header, &parts, &data); err != nil {
				return err
			}
			number := func(i int) int64 { n, _ := numbers[i].(int64); return n }
			w.fetched = append(w.fetched, fetched{list[number(0)], number(1), number(2), number(3), number(4), w.keep(header), w.keep(parts), w.keep(data)})
			if len(w.octets) >= maxSearchRead {
				n = int(number(0)) + 1
				return nil
			}
		}
		return rows.Err()
	})
	return n, err
}

func (w *searchWorker) keep(b []byte) span {
	at := len(w.octets)
	w.octets = append(w.octets, b...)
	return span{at, len(w.octets)}
}

// of are the octets of a span.
func (w *searchWorker) of(s span) []byte { return w.octets[s.from:s.to] }

// decideHeader decides by the header, or leaves the row to decideBody.
func (w *searchWorker) decideHeader(f *fetched, c *candidate) (err error) {
	if err := w.giveHeader(f, c); err != nil {
		return err
	}
	v := w.plan.decide(c)
	if v == unknown {
		w.bodies = append(w.bodies, f.row)
	}
	w.verdicts[f.row] = v
	return nil
}

// decideBody decides by all of the message.
func (w *searchWorker) decideBody(f *fetched, c *candidate) (err error) {
	v := unknown
	if w.plan.headers {
		if err := w.giveHeader(f, c); err != nil {
			return err
		}
		v = w.plan.decide(c)
	}
	if v == unknown {
		if err := w.giveBody(f, c); err != nil {
			return err
		}
		v = w.plan.decide(c)
	}
	w.verdicts[f.row] = v
	return nil
}

// giveHeader has the candidate's header looked into, if all of it stands apart
// from the body.
func (w *searchWorker) giveHeader(f *fetched, c *candidate) (err error) {
	if w.raw, err = w.s.blobs.decode(w.raw[:0], w.of(f.header)); err != nil {
		return err
	}
	block := w.raw[:min(f.headerSize, int64(len(w.raw)))]
	if c.long { // it is cut off in the middle of a word
		block = nil
	}
	w.header = w.scanner.FoldHeader(w.header[:0], c.m.Trace, w.plan.fields...)
	w.header = w.scanner.FoldHeader(w.header, block, w.plan.fields...)
	c.header, c.have = w.header, onHeader
	return nil
}

// giveBody has the candidate's body looked into, and its header where it is long.
// mail.ErrNotFound when it is gone.
func (w *searchWorker) giveBody(f *fetched, c *candidate) error {
	root, err := message.ReadPart(w.of(f.parts))
	if err != nil {
		return fmt.Errorf("part tree of content %d: %w: %w", c.m.Content, mail.ErrCorrupt, err)
	}
	content := w.contentOf(f, c.m.Content)
	look := &w.look
	look.begin(w.plan.texts, &c.work, w.left())
	if c.long && w.plan.headers {
		err = w.scanner.Header(root, content, look.lines(c.header))
	}
	if err == nil && look.wants(InBody) {
		err = w.scanner.Text(root, content, false, look.window(InBody))
	}
	if err == nil && look.wants(InText) {
		err = w.scanner.Text(root, content, true, look.window(InText))
	}
	c.have, c.found = onBody, look.found
	return err
}

// contentOf is the content of which f has the beginning. It lasts until the next.
func (w *searchWorker) contentOf(f *fetched, id ContentID) *Content {
	if w.content == nil {
		w.content = w.s.newContent(w.ctx, id)
	}
	c := w.content
	c.forget()
	c.id = id
	c.row.size, c.row.headerSize, c.row.head, c.row.chunk = f.size, f.headerSize, f.head, f.chunk
	c.head, c.first.data = w.of(f.header), w.of(f.data)
	return c
}

package store

import (
	"database/sql"
	"errors"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// maxSearchRead is about how many octets of blobs a search reads in one
// transaction.
const maxSearchRead = 4 << 20

const (
	selectHeaders = "SELECT r.key, t.truncated, t.header, x'', x'' FROM json_each(?) AS r CROSS JOIN texts AS t ON t.content = r.value"
	selectTexts   = "SELECT r.key, t.truncated, t.header, t.mime, t.body FROM json_each(?) AS r CROSS JOIN texts AS t ON t.content = r.value"
)

// searchWorker decides one batch of messages after another.
type searchWorker struct {
	*search
	lister   lister
	verdicts []verdict // on the lister's rows
	headers  []int     // rows of which the header must be read
	texts    []int     // rows of which all text must be read

	// What fetch read: the blobs of some of the rows, and the octets that they
	// refer to.
	fetched []fetchedText
	octets  []byte

	trace, header, mime, body []byte // buffers for decoding
}

type fetchedText struct {
	row                int
	truncated          bool
	header, mime, body span
}

// batch decides the messages that the lister holds: by their rows, then by
// their headers, then by their whole texts, each only where it must.
func (w *searchWorker) batch() ([]SearchHit, error) {
	rows := w.lister.rows
	w.verdicts, w.headers, w.texts = w.verdicts[:0], w.headers[:0], w.texts[:0]
	for i := range rows {
		c := candidate{m: &rows[i]}
		v := w.plan.decide(&c)
		w.verdicts = append(w.verdicts, v)
		switch {
		case v != unknown:
		case c.need > onHeader || w.plan.whole:
			w.texts = append(w.texts, i)
		default:
			w.headers = append(w.headers, i)
		}
	}
	if err := w.read(w.headers, selectHeaders, w.decideHeader); err != nil {
		return nil, err
	}
	if err := w.read(w.texts, selectTexts, w.decideText); err != nil {
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
func (w *searchWorker) read(rows []int, query string, decide func(f *fetchedText, c *candidate) error) error {
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
			c := candidate{m: &w.lister.rows[f.row], truncated: f.truncated}
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

// tire counts what it cost to look for texts in c.
func (w *searchWorker) tire(c *candidate) error {
	n := len(w.plan.texts)
	if n <= freeTexts {
		return nil
	}
	octets := textWork + len(c.trace) + len(c.header) + len(c.mime) + len(c.body)
	if c.have == onOctets {
		octets += int(c.m.Size)
	}
	if w.worked.Add(int64(n*octets)) > maxSearchWork {
		return mail.ErrTooMuchWork
	}
	return nil
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
		var key int
		var truncated bool
		var header, mime, body sql.RawBytes
		for rows.Next() {
			if err := rows.Scan(&key, &truncated, &header, &mime, &body); err != nil {
				return err
			}
			w.fetched = append(w.fetched, fetchedText{list[key], truncated, w.keep(header), w.keep(mime), w.keep(body)})
			if len(w.octets) >= maxSearchRead {
				n = key + 1
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

// decode decodes a blob into a buffer.
func (w *searchWorker) decode(buf *[]byte, s span) (text []byte, err error) {
	*buf, err = w.s.blobs.decode((*buf)[:0], w.octets[s.from:s.to])
	return *buf, err
}

// decideHeader decides by the header, or leaves the row to decideText.
func (w *searchWorker) decideHeader(f *fetchedText, c *candidate) (err error) {
	if err := w.giveHeader(f, c); err != nil {
		return err
	}
	v := w.plan.decide(c)
	switch {
	case v != unknown:
	case c.need == onText:
		w.texts = append(w.texts, f.row)
	default:
		v, err = w.decideOctets(c)
	}
	w.verdicts[f.row] = v
	return err
}

// decideText decides by all the text that is kept, or by the message itself.
func (w *searchWorker) decideText(f *fetchedText, c *candidate) (err error) {
	v := unknown
	if w.plan.headers {
		if err := w.giveHeader(f, c); err != nil {
			return err
		}
		v = w.plan.decide(c)
	}
	if v == unknown {
		if c.mime, err = w.decode(&w.mime, f.mime); err != nil {
			return err
		}
		if c.body, err = w.decode(&w.body, f.body); err != nil {
			return err
		}
		c.have = onText
		v = w.plan.decide(c)
	}
	if v == unknown {
		v, err = w.decideOctets(c)
	}
	w.verdicts[f.row] = v
	return err
}

func (w *searchWorker) giveHeader(f *fetchedText, c *candidate) (err error) {
	w.trace = message.FoldHeader(w.trace[:0], c.m.Trace)
	c.trace = w.trace
	c.header, err = w.decode(&w.header, f.header)
	c.have = onHeader
	return err
}

// decideOctets decides by the message itself. mail.ErrNotFound when it is gone.
func (w *searchWorker) decideOctets(c *candidate) (verdict, error) {
	content, err := w.s.Content(w.ctx, c.m.Content)
	if err != nil {
		return no, err
	}
	root, err := content.Root()
	if err != nil {
		return no, err
	}
	look := lookout{texts: w.plan.texts, found: make([]bool, len(w.plan.texts))}
	look.lines(c.trace)
	err = root.ScanHeader(content, look.lines)
	if err == nil {
		err = root.Scan(content, false, look.window(InBody))
	}
	if err == nil {
		err = root.Scan(content, true, look.window(InText))
	}
	c.have, c.found = onOctets, look.found
	return w.plan.decide(c), err
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

const (
	// maxRows is how many rows a listing reads in one transaction: an open
	// snapshot keeps the write-ahead log from beginning anew.
	maxRows = 256
	// maxListed is about how many octets of wider columns it reads at once: an
	// ENVELOPE that a stranger made large has some millions.
	maxListed = 2 << 20
)

// Message is a message's row in a mailbox.
type Message struct {
	UID     mail.UID
	Content ContentID
	ModSeq  mail.ModSeq
	Flags   mail.Flags
	// Date is the INTERNALDATE, Saved when the copy came into this mailbox
	// (RFC 8514), Sent the Date field's time, zero where there is none.
	Date, Saved, Sent time.Time
	// Size is RFC822.SIZE: trace and content together.
	Size int64
	// Trace is put before the content's octets (see Copy.Trace).
	Trace []byte
	// Envelope is as message.Parsed has it; only with WantEnvelope.
	Envelope []byte
	// Structure is the extended BODYSTRUCTURE rendered; only with WantStructure.
	Structure []byte
	// Header is the content's header block without Trace, of a header beyond
	// 256 KiB the beginning; only with WantHeader.
	Header []byte
}

// Want says which costlier columns a listing reads.
type Want uint8

const (
	WantEnvelope Want = 1 << iota
	WantStructure
	WantHeader
	// Brief reads less, and fast: of a Message only UID, Content, ModSeq, Flags,
	// Date and Size are set, beside what else is wanted, and with WantHeader
	// Trace.
	Brief

	// withSent has a Brief listing of the table set Sent too, which the indexes
	// keep for Sort.
	withSent Want = 1 << 7
)

// Messages yields the messages of a mailbox whose UIDs are in set, ascending.
// It reads a few hundred rows per transaction and holds none while it yields;
// the *Message is valid until the next one. It stops at the first error. What
// was expunged is passed over; of a mailbox that is gone nothing is left.
func (s *Store) Messages(ctx context.Context, mb MailboxID, set mail.UIDSet, want Want) iter.Seq2[*Message, error] {
	if want&Brief == 0 {
		return s.rows(ctx, mb, set, want)
	}
	return func(yield func(*Message, error) bool) {
		next := mail.UID(1)
		if i := s.indexFor(ctx, mb, set, want); i != nil {
			next = i.messages(ctx, set, want, yield)
		}
		if next > 0 {
			s.rows(ctx, mb, from(set, next, len(set)), want)(yield)
		}
	}
}

// rows is Messages from the table.
func (s *Store) rows(ctx context.Context, mb MailboxID, set mail.UIDSet, want Want) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		l := lister{want: want &^ withSent, sent: want&withSent != 0, scan: rowScanner{zones: zones{}}}
		next := mail.UID(1)
		for {
			part := from(set, next, l.batch())
			if len(part) == 0 {
				return
			}
			err := ctx.Err()
			if err == nil {
				err = s.readOne(ctx, func(tx *readTx) error { return l.fill(tx, mb, part) })
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !l.each(s.blobs, yield) {
				return
			}
			last := l.upTo(part)
			if last == maxUID {
				return
			}
			next = last + 1
		}
	}
}

// from is what is left of set from next on, at most n ranges of it.
func from(set mail.UIDSet, next mail.UID, n int) mail.UIDSet {
	for len(set) > 0 && set[0].To < next {
		set = set[1:]
	}
	if len(set) > n {
		set = set[:n]
	}
	if len(set) > 0 && set[0].From < next {
		set = append(mail.UIDSet{{From: next, To: set[0].To}}, set[1:]...)
	}
	return set
}

// rangesJSON is a set as the queries below take it: a statement's text cannot
// grow with the set, but a JSON parameter can.
func rangesJSON(set mail.UIDSet) string {
	b := make([]byte, 0, 2+16*len(set))
	b = append(b, '[')
	for i, r := range set {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = strconv.AppendUint(b, uint64(r.From), 10)
		b = append(b, ',')
		b = strconv.AppendUint(b, uint64(r.To), 10)
		b = append(b, ']')
	}
	return string(append(b, ']'))
}

// The columns of a listing, and where it looks. CROSS JOIN keeps SQLite to the
// order written: the ranges outside, ascending.
const (
	messageColumns = "m.uid, m.content, m.modseq, m.flags, m.keywords, m.date, m.sent, m.saved, m.size, m.trace"
	fromRanges     = " FROM json_each(?) AS r CROSS JOIN messages AS m ON m.mailbox = ? AND m.uid BETWEEN r.value->>0 AND r.value->>1"
	withMeta       = " CROSS JOIN meta AS t ON t.content = m.content"

	// Most sets are one range: SQLite need not take JSON apart for it.
	fromMessages = " FROM messages AS m"
	oneRange     = " WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid"
)

// listQuery is a listing's query: of the rows' own columns those in columns,
// and the wider ones that are wanted.
func listQuery(columns string, want Want, ranges int) string {
	where, meta, last := fromRanges, "", ""
	if ranges == 1 {
		where, last = fromMessages, oneRange
	}
	if want&WantEnvelope != 0 {
		columns += ", m.envelope"
	}
	if want&(WantStructure|WantHeader) != 0 {
		columns, meta = columns+", t.parts", withMeta
	}
	if want&WantHeader != 0 {
		columns += ", t.header"
	}
	return "SELECT " + columns + where + meta + last + " LIMIT ?"
}

// lister holds a batch of a listing's rows, whose octets stand in one buffer.
type lister struct {
	want Want
	sent bool // see withSent
	scan rowScanner
	rows []Message

	// octets holds what the rows refer to, at the spans until all is read. cut:
	// it is so much that the batch ended early.
	octets []byte
	spans  []rowSpans
	cut    bool
	// made holds what is made of one row's: header, and BODYSTRUCTURE.
	made  []byte
	trees message.TreeReader

	envelope, parts, header sql.RawBytes // as scanned
}

// span is where a column's octets stand in the buffer.
type span struct{ from, to int }

type rowSpans struct{ trace, envelope, parts, header span }

func (l *lister) query(tx *readTx, columns string, mb MailboxID, part mail.UIDSet) (*sql.Rows, error) {
	query := listQuery(columns, l.want, len(part))
	if len(part) == 1 {
		return tx.query(query, mb, int64(part[0].From), int64(part[0].To), maxRows)
	}
	return tx.query(query, rangesJSON(part), mb, maxRows)
}

// batch is how many rows are read in one transaction.
func (l *lister) batch() int {
	if l.want == Brief {
		return narrowRows
	}
	return maxRows
}

// fill reads the next batch of rows.
func (l *lister) fill(tx *readTx, mb MailboxID, part mail.UIDSet) error {
	if l.want == Brief {
		return l.fillBrief(tx, mb, part)
	}
	l.reset()
	rows, err := l.query(tx, messageColumns, mb, part)
	if err != nil {
		return err
	}
	defer rows.Close()
	dest := l.wide(l.scan.dest())
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		l.rows = append(l.rows, l.scan.message())
		if l.keepWide(); l.cut {
			return nil
		}
	}
	return rows.Err()
}

// upTo is the last UID that the batch covers, for which part was asked.
func (l *lister) upTo(part mail.UIDSet) mail.UID {
	if n := len(l.rows); l.cut || n == l.batch() {
		return l.rows[n-1].UID
	}
	return part[len(part)-1].To
}

func (l *lister) reset() {
	l.rows, l.spans, l.octets, l.cut = l.rows[:0], l.spans[:0], l.octets[:0], false
}

// wide adds to dest where to scan the wider columns to, in listQuery's order.
func (l *lister) wide(dest []any) []any {
	if l.want&WantEnvelope != 0 {
		dest = append(dest, &l.envelope)
	}
	if l.want&(WantStructure|WantHeader) != 0 {
		dest = append(dest, &l.parts)
	}
	if l.want&WantHeader != 0 {
		dest = append(dest, &l.header)
	}
	return dest
}

// keepWide keeps what was scanned.
func (l *lister) keepWide() {
	l.spans = append(l.spans, rowSpans{l.keep(l.scan.trace), l.keep(l.envelope), l.keep(l.parts), l.keep(l.header)})
	l.cut = len(l.octets) >= maxListed
}

func (l *lister) keep(b []byte) span {
	at := len(l.octets)
	l.octets = append(l.octets, b...)
	return span{at, len(l.octets)}
}

func (l *lister) of(s span) []byte { return l.octets[s.from:s.to:s.to] }

// each hands out the batch's rows, after the transaction. It reports false when
// nothing more is wanted, or possible.
func (l *lister) each(blobs *blobs, yield func(*Message, error) bool) bool {
	for i := range l.rows {
		if l.want != Brief {
			if err := l.decode(i, blobs); err != nil {
				yield(nil, err)
				return false
			}
		}
		if !yield(&l.rows[i], nil) {
			return false
		}
	}
	return true
}

// decode sets a row's octets.
func (l *lister) decode(i int, blobs *blobs) error {
	m, s := &l.rows[i], &l.spans[i]
	l.made = l.made[:0]
	if m.Trace = nil; s.trace.to > s.trace.from {
		m.Trace = l.of(s.trace)
	}
	if l.want&WantEnvelope != 0 {
		m.Envelope = l.of(s.envelope)
	}
	headerSize, err := l.decodeTree(m, l.of(s.parts))
	if err != nil {
		return fmt.Errorf("part tree of content %d: %w: %w", m.Content, mail.ErrCorrupt, err)
	}
	if l.want&WantHeader != 0 {
		at := len(l.made)
		made, err := blobs.decode(l.made, l.of(s.header))
		if err != nil {
			return err
		}
		l.made = made
		m.Header = made[at : at+int(min(headerSize, int64(len(made)-at)))]
	}
	return nil
}

// decodeTree sets a row's Structure, if that is wanted, and returns the size of
// the header.
func (l *lister) decodeTree(m *Message, parts []byte) (headerSize int64, err error) {
	switch {
	case l.want&WantStructure != 0:
		root, err := l.trees.Read(parts)
		if err != nil {
			return 0, err
		}
		at := len(l.made)
		l.made = root.AppendBodyStructure(l.made, true)
		m.Structure = l.made[at:len(l.made):len(l.made)]
		return root.Body, nil
	case l.want&WantHeader != 0:
		return message.TreeHeaderSize(parts)
	}
	return 0, nil
}

// rowScanner scans messageColumns. Numbers are scanned as any: database/sql
// goes through reflection for all that is not.
type rowScanner struct {
	zones    zones
	lists    map[string][]string // keyword lists met so far
	numbers  [8]any
	keywords sql.RawBytes
	trace    sql.RawBytes
}

// dest is where to scan the columns to, by their place in messageColumns.
func (r *rowScanner) dest() []any {
	n := &r.numbers
	return []any{&n[0], &n[1], &n[2], &n[3], &r.keywords, &n[4], &n[5], &n[6], &n[7], &r.trace}
}

// number is a column's number; that of NULL is 0.
func (r *rowScanner) number(i int) int64 {
	n, _ := r.numbers[i].(int64)
	return n
}

// message is the row as a Message, but for what refers to octets.
func (r *rowScanner) message() Message {
	m := Message{
		UID:     mail.UID(r.number(0)),
		Content: ContentID(r.number(1)),
		ModSeq:  mail.ModSeq(r.number(2)),
		Flags:   mail.Flags{System: mail.SystemFlags(r.number(3)), Keywords: r.keywordList()},
		Date:    r.zones.time(r.number(4)),
		Saved:   time.Unix(r.number(6), 0).UTC(),
		Size:    r.number(7),
	}
	if r.numbers[5] != nil {
		m.Sent = r.zones.time(r.number(5))
	}
	return m
}

// maxListsMet is how many different lists a scanner remembers.
const maxListsMet = 256

// keywordList splits the keywords; messages with the same share one list.
func (r *rowScanner) keywordList() []string {
	if len(r.keywords) == 0 {
		return nil
	}
	list, ok := r.lists[string(r.keywords)]
	if !ok {
		if len(r.lists) == maxListsMet || r.lists == nil {
			r.lists = make(map[string][]string)
		}
		joined := string(r.keywords)
		list = strings.Fields(joined)
		r.lists[joined] = list
	}
	return list
}

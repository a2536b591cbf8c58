package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"posthorn/internal/mail"
)

// Problem is one broken invariant.
type Problem struct{ What string }

// Check verifies every invariant that the package documents. deep also reads
// every body and compares its checksum. It may run beside everything else, but
// each of its steps reads from one snapshot, which keeps the write-ahead log
// from beginning anew: of a large store the log grows meanwhile.
func (s *Store) Check(ctx context.Context, deep bool) ([]Problem, error) {
	c := &checker{s: s, ctx: ctx}
	steps := []func() error{c.file, c.relations, c.commits, c.names, c.keywords, c.directory}
	if deep {
		steps = append(steps, c.contents)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return c.found, err
		}
		if len(c.found) >= maxProblems {
			break
		}
	}
	return c.found, nil
}

// maxProblems ends a check: who has that many needs no more.
const maxProblems = 1000

type checker struct {
	s     *Store
	ctx   context.Context
	found []Problem
}

func (c *checker) problem(format string, args ...any) {
	if len(c.found) < maxProblems {
		c.found = append(c.found, Problem{fmt.Sprintf(format, args...)})
	}
}

// file verifies the database file's own structure.
func (c *checker) file() error {
	err := c.strings("PRAGMA integrity_check", func(line string) {
		if line != "ok" {
			c.problem("database file: %s", line)
		}
	})
	if errors.Is(err, mail.ErrCorrupt) {
		c.problem("database file: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	return c.strings(`SELECT format('row %s of %s refers to a row of %s that is not there', rowid, "table", parent) FROM pragma_foreign_key_check`,
		func(line string) { c.problem("%s", line) })
}

// strings calls fn with each row of a query of one text column.
func (c *checker) strings(query string, fn func(string)) error {
	var line string
	return c.rows(query, []any{&line}, func() { fn(line) })
}

// rows scans each row of a query to dest and calls fn.
func (c *checker) rows(query string, dest []any, fn func()) error {
	return c.s.read(c.ctx, func(tx *readTx) error {
		rows, err := tx.query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			fn()
		}
		return rows.Err()
	})
}

// relations verifies what can be said in SQL: each query yields a line for
// each row that breaks its invariant.
func (c *checker) relations() error {
	for _, i := range invariants {
		if err := c.strings(i.sql, func(line string) { c.problem("%s: %s", i.name, line) }); err != nil {
			return fmt.Errorf("check %s: %w", i.name, err)
		}
	}
	return nil
}

// commits verifies that the counter outside the database does not lead.
func (c *checker) commits() error {
	if c.s.missing > 0 {
		c.problem("commits: %d that were acknowledged were missing when the store was opened", c.s.missing)
	}
	outside := c.s.writer.counter.read() // before the database: it follows it
	var inside uint64
	err := c.s.read(c.ctx, func(tx *readTx) error {
		return tx.row("SELECT commits FROM state").Scan(&inside)
	})
	if err == nil && outside > inside {
		c.problem("commits: %d were acknowledged, and the database has %d", outside, inside)
	}
	return err
}

// names verifies the mailboxes' names.
func (c *checker) names() error {
	return c.strings("SELECT name FROM mailboxes WHERE account IS NOT NULL", func(name string) {
		if err := validName(name); err != nil || canonicalName(name) != name {
			c.problem("names: mailbox %q should not be called so", name)
		}
	})
}

// keywords verifies that a mailbox lists the keywords of its messages.
func (c *checker) keywords() error {
	var mb MailboxID
	var listed, used string
	query := "SELECT DISTINCT b.id, b.keywords, m.keywords FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE m.keywords IS NOT NULL"
	return c.rows(query, []any{&mb, &listed, &used}, func() {
		there := mail.NewFlags(strings.Fields(listed)...)
		list := strings.Fields(used)
		for _, k := range list {
			if !there.Has(k) {
				c.problem("keywords: mailbox %d does not list %s", mb, k)
			}
		}
		if !slices.Equal(mail.NewFlags(list...).Keywords, list) || strings.Join(list, " ") != used {
			c.problem("keywords: mailbox %d has messages with keywords %q, which are not in order", mb, used)
		}
	})
}

// contents reads every content whole.
func (c *checker) contents() error {
	for last := ContentID(0); ; {
		var ids []ContentID
		err := c.s.read(c.ctx, func(tx *readTx) (err error) {
			ids, err = tx.ids("SELECT id FROM contents WHERE id > ? AND refs > 0 ORDER BY id LIMIT ?", last, maxRows)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			err := c.content(id)
			switch {
			case err == nil, errors.Is(err, mail.ErrNotFound): // expunged meanwhile
			case errors.Is(err, mail.ErrCorrupt):
				c.problem("%v", err)
			default:
				return err
			}
		}
		last = ids[len(ids)-1]
	}
}

// content verifies a content's octets and what is kept about it.
func (c *checker) content(id ContentID) error {
	content, err := c.s.Content(c.ctx, id)
	if err != nil {
		return err
	}
	sum := sha256.New()
	for off := int64(0); off < content.Size(); {
		data, err := content.at(off, content.Size()-off)
		if err != nil {
			return err
		}
		sum.Write(data)
		off += int64(len(data))
	}
	if !bytes.Equal(sum.Sum(nil), content.row.sum) {
		c.problem("content %d does not have its checksum", id)
	}
	root, err := content.Root()
	switch {
	case err != nil:
		return err
	case root.End != content.Size():
		c.problem("content %d: the part tree ends at %d of %d octets", id, root.End, content.Size())
	case root.Body != content.HeaderSize():
		c.problem("content %d: the part tree's header ends at %d, not %d", id, root.Body, content.HeaderSize())
	}
	return nil
}

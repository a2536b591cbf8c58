package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// commitCounter keeps the number of the last commit outside the database file,
// so that a start can tell that acknowledged commits are missing: SQLite
// silently cuts a write-ahead log off at the first damaged frame, and takes a
// log that was deleted for one that never was.
//
// It is written after each commit without an fsync of its own. It may lag
// behind the database, and never leads. Where there is none, somebody has put the
// database there alone: a copy, and nobody knows what came after it.
type commitCounter struct {
	f   *os.File
	buf []byte
}

// counterWidth is the file's length: a number, padded, and a line end.
const counterWidth = 21

// openCommitCounter opens the file, or makes it, and returns the number in it.
func openCommitCounter(path string) (*commitCounter, uint64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			err = syncDir(filepath.Dir(path)) // so that no power cut takes it away
		}
	}
	if err != nil {
		return nil, 0, err
	}
	c := &commitCounter{f: f, buf: make([]byte, 0, counterWidth)}
	return c, c.read(), nil
}

// read returns the number in the file. One that a crash has cut short is 0: it
// lags.
func (c *commitCounter) read() uint64 {
	var buf [counterWidth]byte
	n, _ := c.f.ReadAt(buf[:], 0)
	number, _ := strconv.ParseUint(strings.TrimSpace(string(buf[:n])), 10, 64)
	return number
}

// set writes n. An error is not worth a commit's: the counter then lags.
func (c *commitCounter) set(n uint64) {
	c.buf = fmt.Appendf(c.buf[:0], "%*d\n", counterWidth-1, n)
	c.f.WriteAt(c.buf, 0)
}

func (c *commitCounter) close() error { return c.f.Close() }

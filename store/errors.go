package store

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"posthorn/internal/mail"
)

// ioFsync and ioDirFsync are SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC.
const (
	ioFsync    = sqlite3.ErrNoExtended(10 | 4<<8)
	ioDirFsync = sqlite3.ErrNoExtended(10 | 5<<8)
)

// classify gives an error of SQLite's the kind of package mail that callers
// know, and keeps what SQLite said for the log.
func classify(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := mail.ErrUnavailable
	switch {
	case e.Code == sqlite3.ErrFull, e.SystemErrno == syscall.ENOSPC, e.SystemErrno == syscall.EDQUOT:
		kind = mail.ErrNoSpace
	case e.Code == sqlite3.ErrCorrupt, e.Code == sqlite3.ErrNotADB:
		kind = mail.ErrCorrupt
	case e.Code == sqlite3.ErrError, e.Code == sqlite3.ErrConstraint, e.Code == sqlite3.ErrMismatch,
		e.Code == sqlite3.ErrMisuse, e.Code == sqlite3.ErrRange:
		return err // a fault of ours: no kind fits
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// isFatal reports whether the disk refused a write in a way that leaves open
// what it holds: an fsync that failed may have dropped the pages that it was
// to keep, and a second one would answer for nothing. committing says that the
// error came from COMMIT, where any I/O error leaves that open.
func isFatal(err error, committing bool) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) || e.Code != sqlite3.ErrIoErr {
		return false
	}
	if e.ExtendedCode == ioFsync || e.ExtendedCode == ioDirFsync {
		return true
	}
	switch e.SystemErrno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS:
		return false // refused before anything was written
	}
	return committing
}

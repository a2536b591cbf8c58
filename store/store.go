package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"posthorn/internal/mail"
)

// The files in the data folder.
const (
	databaseFile = "posthorn.db"
	lockFile     = "posthorn.lock"
	counterFile  = "posthorn.commits"
)

// defaultMaxMessage is the largest message in octets when Config says none.
const defaultMaxMessage = 50 << 20

// Config says where the store is and what bounds it. The zero value of every
// field but Dir is useful.
type Config struct {
	// Dir is the data folder; it is made (0700) when it is not there.
	Dir string
	// MaxMessage is the most octets of one message; 0 means 50 MiB. SetMaxMessage
	// changes it.
	MaxMessage int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Report is told of what happens in the background (a sweep that failed, a
	// commit missing at start); nil drops it. The keys and values are slog's.
	Report func(msg string, args ...any)
}

// Store is an open store. Its methods may be called from many goroutines.
type Store struct {
	cfg    Config
	lock   *os.File
	failed chan struct{}

	writer       *writer
	readers      *readers
	checkpointer *checkpointer
	sweeper      *sweeper
	blobs        *blobs
	watchers     watchers
	drops        drops
	leases       leases
	directory    directory
	indexes      indexes
	together     int // maxTogether; tests have less
	commitTimes  commitTimes
	touches      touches
	logins       touches
	fullness     fullness

	maxMessage atomic.Int64
	// held are the octets of all bodies on their way in that are in memory.
	held atomic.Int64
	// buffers are those of bodies, used again: a chunk is larger than most
	// messages.
	buffers sync.Pool // of *bytes.Buffer
	pieces  sync.Pool // of *pieceRoom

	turns     *turns
	searchers sync.Pool // of *searchWorker

	closing sync.Once
	closed  error

	// missing is how many acknowledged commits the database lacked at Open.
	missing uint64

	// lastContent is the last ContentID that was given; every commit stores it.
	lastContent atomic.Int64
}

type (
	AccountID int64
	MailboxID int64
	// ContentID names a stored message's content, shared by all copies
	// (RFC 8474's EMAILID). It is never given again.
	ContentID int64
	QueueID   int64
)

// Open opens the store in cfg.Dir, makes it when it is not there, brings its
// schema up to date, and takes the lock that keeps other processes out
// (mail.ErrInUse when one has it).
func Open(ctx context.Context, cfg Config) (_ *Store, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	if err := makeDir(cfg.Dir); err != nil {
		return nil, err
	}
	s := &Store{
		cfg:     cfg,
		failed:  make(chan struct{}),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		pieces:  sync.Pool{New: func() any { return new(pieceRoom) }},
		indexes: indexes{smallest: minIndexed, most: maxIndexed},

		turns:     newTurns(),
		searchers: sync.Pool{New: func() any { return newSearchWorker() }},
		together:  maxTogether,
	}
	s.SetMaxMessage(cmp.Or(cfg.MaxMessage, defaultMaxMessage))
	defer func() {
		if err != nil {
			s.abandon()
			err = fmt.Errorf("open the store in %s: %w", cfg.Dir, classify(err))
		}
	}()
	if s.lock, err = takeLock(filepath.Join(cfg.Dir, lockFile)); err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Dir, databaseFile)
	if s.writer, err = openWriter(ctx, s, path); err != nil {
		return nil, err
	}
	if s.checkpointer, err = newCheckpointer(ctx, s, path); err != nil {
		return nil, err
	}
	if s.blobs, err = newBlobs(); err != nil {
		return nil, err
	}
	s.readers = newReaders(path)
	s.sweeper = newSweeper(s)
	go s.writer.run()
	go s.checkpointer.run()
	s.sweeper.start()
	return s, nil
}

// openWriter opens the database file for writing and makes it ready: its
// journal, its schema, and the counters that the writer keeps.
func openWriter(ctx context.Context, s *Store, path string) (_ *writer, err error) {
	// SQLite would make the file readable for others.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	if err := syncDir(s.cfg.Dir); err != nil {
		return nil, err
	}
	w := &writer{
		s:       s,
		ops:     make(chan *operation, 2*maxBatch),
		done:    make(chan struct{}),
		between: make(chan func()),
	}
	if w.c, err = openConn(ctx, path, false); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.c.close()
			if w.counter != nil {
				w.counter.close()
			}
		}
	}()
	var mode string
	if err := w.c.c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return nil, err
	} else if mode != "wal" {
		return nil, fmt.Errorf("the journal's mode is %q, not wal", mode)
	}
	if err := migrate(ctx, w.c); err != nil {
		return nil, err
	}
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	// What was being staged when the store was last closed, or died, never
	// became a message.
	_, err = w.c.exec("UPDATE garbage SET staged = 0 WHERE staged = 1")
	return w, err
}

// load reads the counters, and compares the number of commits with the one
// that is kept outside the database.
func (w *writer) load(ctx context.Context) error {
	content, err := w.loadState(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(w.s.cfg.Dir, counterFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && w.commits > 0 {
		w.s.report("the database is taken for a restored copy: " + counterFile + " is not beside it")
		if content, err = w.skipNumbers(ctx, w.commits); err != nil {
			return err
		}
	}
	counter, acknowledged, err := openCommitCounter(path) // made only now: a kill leaves it missing
	if err != nil {
		return err
	}
	w.counter = counter
	if acknowledged > w.commits {
		w.s.missing = acknowledged - w.commits
		w.s.report("acknowledged commits are missing from the database: its file or its write-ahead log was damaged or replaced",
			"missing", w.s.missing)
		if content, err = w.skipNumbers(ctx, acknowledged); err != nil {
			return err
		}
	}
	w.s.lastContent.Store(content)
	return nil
}

func (w *writer) loadState(ctx context.Context) (content int64, err error) {
	err = w.c.c.QueryRowContext(ctx, "SELECT commits, content, uidvalidity FROM state").
		Scan(&w.commits, &content, &w.uidValidity)
	return content, err
}

// Close waits for what is being written and closes the store. It may be called
// more than once.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.sweeper.close()
		s.writer.close()
		err := s.checkpointer.close()
		s.readers.close()
		if s.writer.failed == nil {
			// The last connection copies the log into the database as it closes.
			err = errors.Join(err, s.writer.c.close())
		} // else nothing more is written; the process, which should end now, closes the file
		s.closed = classify(errors.Join(err, s.writer.counter.close(), s.lock.Close()))
	})
	return s.closed
}

// abandon closes what an Open that failed has opened.
func (s *Store) abandon() {
	if s.checkpointer != nil {
		s.checkpointer.c.close()
	}
	if s.writer != nil {
		s.writer.c.close()
		s.writer.counter.close()
	}
	if s.lock != nil {
		s.lock.Close()
	}
}

// takeLock takes the lock that one process holds while it has the store open.
// The system drops it with the process, however that ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("it is %w: a server runs already, or another command is at work", mail.ErrInUse)
		}
		return nil, err
	}
	return f, nil
}

// makeDir makes the data folder when it is not there.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes what is new in a folder outlast a power cut: SQLite syncs the
// folder for its journal alone.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Failed is closed when the disk refused a write that may not be retried (EIO
// on fsync). Every write fails from then on with mail.ErrUnavailable; the
// process should end.
func (s *Store) Failed() <-chan struct{} { return s.failed }

func (s *Store) now() time.Time { return s.cfg.Now() }

func (s *Store) report(msg string, args ...any) {
	if s.cfg.Report != nil {
		s.cfg.Report(msg, args...)
	}
}

// errPanicked is a mistake of ours.
var errPanicked = errors.New("panic in the store")

// recovered makes an error of a panic, and reports it. Defer it in goroutines that
// are not the caller's: there a panic would end the process, whatever the caller
// defers.
func (s *Store) recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errPanicked, p)
		s.report(errPanicked.Error(), "panic", p, "stack", string(debug.Stack()))
	}
}

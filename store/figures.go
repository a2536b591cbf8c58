package store

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// commitBounds are the buckets in which commits are counted by their time.
var commitBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond,
	32 * time.Millisecond, 64 * time.Millisecond, 128 * time.Millisecond, 256 * time.Millisecond, 512 * time.Millisecond, 1024 * time.Millisecond, 4096 * time.Millisecond,
}

// commitTimes is a histogram that the writer fills, one addition a commit.
type commitTimes struct {
	counts [len(commitBounds) + 1]atomic.Uint64 // the last: longer than any bound
	total  atomic.Int64                         // nanoseconds
}

func (c *commitTimes) note(t time.Duration) {
	i := 0
	for i < len(commitBounds) && t > commitBounds[i] {
		i++
	}
	c.counts[i].Add(1)
	c.total.Add(int64(t))
}

// Figures are what an operator watches.
type Figures struct {
	// Commits is how many transactions were committed since Open, CommitTime
	// how long their commits took together, fsync included.
	Commits    uint64
	CommitTime time.Duration
	// Within is how many of them took at most so long.
	Within map[time.Duration]uint64
	// WAL and Database are the sizes of the files in octets.
	WAL, Database int64
	// Queued is how many recipients in the queue wait to be delivered to, and
	// Oldest when the message of the first of them came; zero when there is none.
	Queued int
	Oldest time.Time
}

// Figures reads them: some from memory, the queue's in one short transaction.
func (s *Store) Figures(ctx context.Context) (f Figures, err error) {
	f.Within = make(map[time.Duration]uint64, len(commitBounds))
	for i := range s.commitTimes.counts {
		f.Commits += s.commitTimes.counts[i].Load()
		if i < len(commitBounds) {
			f.Within[commitBounds[i]] = f.Commits
		}
	}
	f.CommitTime = time.Duration(s.commitTimes.total.Load())
	f.WAL, f.Database = s.fileSize("-wal"), s.fileSize("")
	err = s.read(ctx, func(tx *readTx) error {
		var oldest int64
		err := tx.row(`
			SELECT (SELECT count(*) FROM queue_recipients),
			       coalesce((SELECT queued FROM queue_messages ORDER BY id LIMIT 1), 0)`).Scan(&f.Queued, &oldest)
		if oldest > 0 {
			f.Oldest = time.UnixMilli(oldest)
		}
		return err
	})
	return f, err
}

// fileSize is that of the database or of a file beside it; 0 when it is not there.
func (s *Store) fileSize(suffix string) int64 {
	info, err := os.Stat(filepath.Join(s.cfg.Dir, databaseFile+suffix))
	if err != nil {
		return 0
	}
	return info.Size()
}

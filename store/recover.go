package store

import (
	"context"
	"fmt"
)

// skipped is how far the numbers are moved on when commits are missing: more
// than those commits can have given.
const skipped = 1 << 20

// skipNumbers makes a database from which acknowledged commits are missing
// safe to go on with. The UIDVALIDITYs, UIDs and modification sequences that
// those commits gave are in clients' memories: they are skipped, so that no UID
// ever names two messages. The skipped UIDs count as expunged and all messages as
// changed, so that clients drop what is lost and learn what was undone. The last
// number of a content is returned.
func (w *writer) skipNumbers(ctx context.Context, acknowledged uint64) (content int64, err error) {
	if _, err := w.c.c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return 0, err
	}
	for _, sql := range []string{
		fmt.Sprintf("UPDATE state SET commits = %d, content = content + %d, uidvalidity = min(uidvalidity + %d, %d)", acknowledged, skipped, skipped, maxUID),
		fmt.Sprintf("UPDATE accounts SET modseq = modseq + %d", skipped),
		fmt.Sprintf(`INSERT INTO tombstones SELECT b.id, a.modseq, b.uidnext, b.uidnext + %d - 1
			FROM mailboxes b JOIN accounts a ON a.id = b.account WHERE b.uidnext < %d`, skipped, maxUID-skipped),
		fmt.Sprintf("UPDATE mailboxes SET tombstones = tombstones + 1, uidnext = uidnext + %d WHERE account IS NOT NULL AND uidnext < %d", skipped, maxUID-skipped),
		"UPDATE mailboxes SET modseq = a.modseq FROM accounts a WHERE a.id = account",
		"UPDATE messages SET modseq = b.modseq FROM mailboxes b WHERE b.id = mailbox AND b.account IS NOT NULL",
		"COMMIT",
	} {
		if _, err := w.c.c.ExecContext(ctx, sql); err != nil {
			w.c.c.ExecContext(ctx, "ROLLBACK")
			return 0, fmt.Errorf("skip the numbers that the missing commits gave: %w", err)
		}
	}
	return w.loadState(ctx)
}

package store

// invariants are those that can be said in SQL. Each query is one snapshot,
// and yields a line of text for each row that breaks the invariant.
var invariants = []struct{ name, sql string }{
	{"counters", `
		SELECT format('mailbox %d says %d messages, %d unseen, %d deleted, %d octets and has %d, %d, %d, %d',
		       b.id, b.messages, b.unseen, b.deleted, b.bytes, ifnull(n, 0), ifnull(u, 0), ifnull(d, 0), ifnull(s, 0))
		FROM mailboxes b LEFT JOIN (
			SELECT mailbox, count(*) AS n, sum(flags & 1 = 0) AS u, sum(flags & 8 <> 0) AS d, sum(size) AS s
			FROM messages GROUP BY mailbox) c ON c.mailbox = b.id
		WHERE (b.messages, b.unseen, b.deleted, b.bytes) <> (ifnull(n, 0), ifnull(u, 0), ifnull(d, 0), ifnull(s, 0))`},

	{"usage", `
		SELECT format('account %d says %d messages, %d octets and has %d, %d', a.id, a.messages, a.bytes, ifnull(n, 0), ifnull(s, 0))
		FROM accounts a LEFT JOIN (
			SELECT account, sum(messages) AS n, sum(bytes) AS s FROM mailboxes GROUP BY account) b ON b.account = a.id
		WHERE (a.messages, a.bytes) <> (ifnull(n, 0), ifnull(s, 0))`},

	{"mailbox of a message", `
		SELECT format('mailbox %d is not there and has %d messages', m.mailbox, count(*))
		FROM messages m WHERE NOT EXISTS (SELECT 1 FROM mailboxes b WHERE b.id = m.mailbox) GROUP BY m.mailbox`},

	{"UIDs", `
		SELECT format('UID %d in mailbox %d, whose next is %d', m.uid, b.id, b.uidnext)
		FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE m.uid NOT BETWEEN 1 AND b.uidnext - 1`},

	{"modification sequences of messages", `
		SELECT format('UID %d in mailbox %d has %d, the mailbox %d', m.uid, b.id, m.modseq, b.modseq)
		FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE m.modseq NOT BETWEEN 1 AND b.modseq`},

	{"modification sequences of mailboxes", `
		SELECT format('mailbox %d has %d, its account %d', b.id, b.modseq, a.modseq)
		FROM mailboxes b JOIN accounts a ON a.id = b.account WHERE b.modseq NOT BETWEEN 1 AND a.modseq`},

	{"INBOX", `
		SELECT format('account %d has none', id) FROM accounts a
		WHERE NOT EXISTS (SELECT 1 FROM mailboxes b WHERE b.account = a.id AND b.name = 'INBOX')`},

	{"special uses", `
		SELECT format('account %d has %d mailboxes for %s', account, count(*), special_use)
		FROM mailboxes WHERE special_use <> '' GROUP BY account, special_use HAVING count(*) > 1`},

	{"annotations", `
		SELECT format('mailbox %d is not one of account %d and has %s', a.mailbox, a.account, a.entry)
		FROM annotations a WHERE a.mailbox <> 0 AND NOT EXISTS (SELECT 1 FROM mailboxes b WHERE b.id = a.mailbox AND b.account = a.account)
		UNION ALL
		SELECT format('mailbox %d of account %d has %s in capitals', mailbox, account, entry) FROM annotations WHERE entry <> lower(entry)`},

	{"given numbers", `
		SELECT format('mailbox %d has UIDVALIDITY %d, the last given is %d', b.id, b.uidvalidity, s.uidvalidity)
		FROM mailboxes b, state s WHERE b.uidvalidity > s.uidvalidity
		UNION ALL
		SELECT format('content %d, and the last given is %d', max(c.id), s.content) FROM contents c, state s HAVING max(c.id) > s.content
		UNION ALL
		SELECT format('garbage %d, and the last given content is %d', max(g.content), s.content) FROM garbage g, state s HAVING max(g.content) > s.content`},

	{"content of a message", `
		SELECT format('UID %d in mailbox %d: content %d is not there', m.uid, m.mailbox, m.content)
		FROM messages m WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = m.content)`},

	{"size of a message", `
		SELECT format('UID %d in mailbox %d has %d octets, its content %d and its trace %d',
		       m.uid, m.mailbox, m.size, c.size, ifnull(length(m.trace), 0))
		FROM messages m JOIN contents c ON c.id = m.content WHERE m.size <> c.size + ifnull(length(m.trace), 0)`},

	{"references", `
		SELECT format('content %d says %d and has %d', c.id, c.refs, ifnull(n, 0))
		FROM contents c LEFT JOIN (
			SELECT content, count(*) AS n FROM (
				SELECT content FROM messages UNION ALL SELECT content FROM queue_messages) GROUP BY content) r ON r.content = c.id
		WHERE c.refs <> ifnull(n, 0)`},

	{"garbage", `
		SELECT format('content %d has no references and is not garbage', id) FROM contents
		WHERE refs = 0 AND id NOT IN (SELECT content FROM garbage)
		UNION ALL
		SELECT format('content %d has %d references and is garbage', c.id, c.refs)
		FROM contents c JOIN garbage g ON g.content = c.id WHERE c.refs > 0
		UNION ALL
		SELECT format('content %d is being staged and there already', c.id)
		FROM contents c JOIN garbage g ON g.content = c.id WHERE g.staged = 1`},

	{"meta", `
		SELECT format('content %d has none', id) FROM contents WHERE id NOT IN (SELECT content FROM meta)
		UNION ALL
		SELECT format('content %d is not there and has it', content) FROM meta WHERE content NOT IN (SELECT id FROM contents)`},

	{"sort keys", `
		SELECT format('content %d is not there and has some', content) FROM sortkeys WHERE content NOT IN (SELECT id FROM contents)`},

	{"chunks", `
		SELECT format('content %d of %d octets, %d of them in the head, has %d chunks up to number %d', id, size, head, n, last)
		FROM (
			SELECT id, size, head, chunk,
			       (SELECT count(*) FROM chunks WHERE key BETWEEN id << 16 AND id << 16 | 65535) AS n,
			       (SELECT ifnull(max(key) & 65535, -1) FROM chunks WHERE key BETWEEN id << 16 AND id << 16 | 65535) AS last
			FROM contents WHERE refs > 0)
		WHERE n <> last + 1 OR n <> (size - head + chunk - 1) / chunk OR head > size
		UNION ALL
		SELECT DISTINCT format('content %d is neither there nor garbage and has them', key >> 16) FROM chunks
		WHERE NOT EXISTS (SELECT 1 FROM contents WHERE id = key >> 16) AND NOT EXISTS (SELECT 1 FROM garbage WHERE content = key >> 16)`},

	{"tombstones", `
		SELECT format('mailbox %d says %d and has %d', b.id, b.tombstones, ifnull(n, 0))
		FROM mailboxes b LEFT JOIN (SELECT mailbox, count(*) AS n FROM tombstones GROUP BY mailbox) t ON t.mailbox = b.id
		WHERE b.account IS NOT NULL AND b.tombstones <> ifnull(n, 0)
		UNION ALL
		SELECT format('mailbox %d buried %d to %d at %d, its next UID is %d, its modification sequence %d, pruned up to %d',
		       t.mailbox, t.first, t.last, t.modseq, b.uidnext, b.modseq, b.pruned)
		FROM tombstones t JOIN mailboxes b ON b.id = t.mailbox
		WHERE t.first < 1 OR t.last < t.first OR t.last >= b.uidnext OR t.modseq > b.modseq OR t.modseq <= b.pruned
		UNION ALL
		SELECT format('mailbox %d is not there and has some', mailbox) FROM tombstones
		WHERE mailbox NOT IN (SELECT id FROM mailboxes) GROUP BY mailbox
		UNION ALL
		SELECT format('UID %d in mailbox %d is buried and there', m.uid, m.mailbox)
		FROM tombstones t JOIN messages m ON m.mailbox = t.mailbox AND m.uid BETWEEN t.first AND t.last`},

	{"queue", `
		SELECT format('message %d: content %d is not there', q.id, q.content) FROM queue_messages q
		WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = q.content)
		UNION ALL
		SELECT format('message %d has no recipients', q.id) FROM queue_messages q
		WHERE NOT EXISTS (SELECT 1 FROM queue_recipients r WHERE r.message = q.id)`},
}

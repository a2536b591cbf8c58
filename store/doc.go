// Package store keeps accounts, mailboxes, messages and the outbound queue in
// one SQLite file. It is the only package that knows that there is SQLite.
//
// # One writer
//
// All changes go through one goroutine (write.go) with the one connection that
// writes. It takes every operation that waits, runs them in one
// transaction, commits once, and only then answers them all and wakes those
// who watch. So one fsync serves many, an answer means that the change is on
// stable storage, and an operation that fails undoes itself alone. What costs
// time (parsing, compressing, hashing) is done before, in the caller's
// goroutine. Readers (tx.go) have connections of their own and never wait for
// the writer; their transactions are short, and nothing that may block is
// called within one.
//
// While it runs a large operation all others wait: so flags are changed and
// messages moved and expunged some thousands at a time. COPY is all or nothing
// (RFC 9051 §6.4.7), and so is POP3's QUIT: one of 100,000 messages is some
// seconds in which no change is answered.
//
// When an fsync or a commit fails with an I/O error it is not known what the
// disk holds: nothing is written from then on, and Failed is closed. A full
// disk fails what does not fit, and the store goes on.
//
// What costs time for each message of a mailbox (a search in headers or bodies,
// the keys of a first SORT) shares the processors by turns (turns.go): no more
// goroutines than there are processors, of one account two operations at once.
//
// # What is on disk
//
// The data folder holds posthorn.db with its -wal and -shm, posthorn.lock
// (held with flock while a process has the store open), and posthorn.commits:
// the number of the last commit, written after each without an fsync. It may
// lag behind the database and never leads; when it does lead at a start,
// acknowledged commits are missing (see recover.go).
//
// These are the states that a kill or a power cut can leave beside the
// ordinary ones, with what becomes of each. All transitions but the first are
// commits, so that a crash leaves the state before or after.
//
//	state                     comes about by              ends by
//	------------------------  --------------------------  -----------------------------------
//	commits in the log only   any commit                  the checkpointer; else SQLite's
//	                                                      recovery at the next Open
//	older schema              a new version of Posthorn   Open, one transaction per step
//	chunks being staged       Body.Write, past stageAt:   Accept (a message), Abort and the
//	  (garbage, staged = 1)   chunks without a content    sweep, or the next Open and the sweep
//	garbage (staged = 0):     Expunge, FinishAttempt …    the sweep: the content's row with
//	  content with refs = 0   (the last reference goes),  meta first, then chunks
//	                          an aborted or orphaned      (64 at a time), then the garbage row
//	                          staged body
//	garbage whose content's   a sweep that was cut short  the sweep, from where it was
//	  row is gone already
//	mailbox without account   DeleteMailbox,              the sweep: messages (500 at a time),
//	                          DeleteAccount               tombstones, then the mailbox's row
//	too many tombstones       Expunge, MoveMessages       the sweep after a later expunge
//
// The sweep (sweep.go) runs at every Open and whenever an operation left
// something for it, in steps so small that deliveries don't wait for them.
// Entries of the queue that are being tried are leased in memory only: after
// a crash they are due again.
//
// # What is made when it is asked for
//
// A content is its octets, its ENVELOPE and its part tree. A BODYSTRUCTURE is
// rendered from the tree, in about half a microsecond. The text that a search
// looks into is taken from the octets of the text parts each time, where the tree
// says that they are (search_read.go): kept, it took as much room again as what
// it is made of, and as much work at delivery as all else. For that, what is
// attached stands apart from the rest of a chunk (base64.go): a search, and who
// reads a part, does not read it.
//
// # In memory
//
// What a mailbox's messages are and which flags they have is kept in memory
// for mailboxes that were lately listed whole (index.go), bounded in all. An
// index follows its mailbox by Watch and ChangesSince, as a session does.
//
// # Numbers
//
// UIDs ascend within a mailbox. A UIDVALIDITY is given once in the life of the
// store and follows the clock. A content's id is given once. Every change of
// an account takes its next modification sequence, which the messages and the
// tombstones that it touches get, and the mailbox as its highest. So "what
// changed since" is a range of two indexes. A mailbox keeps about the last
// maxTombstones rows of tombstones; up to mailboxes.pruned they may be gone,
// and who asks from before that gets every UID that is missing.
//
// # Invariants
//
// Check verifies them; every test of this package ends with it.
//
//   - SQLite's own integrity check and its foreign keys hold.
//   - counters: a mailbox's messages, unseen, deleted and octets are those of
//     its rows. usage: an account's are the sums of its mailboxes'.
//   - mailbox of a message: each message's mailbox is there.
//   - UIDs: each is at least 1 and below its mailbox's next.
//   - modification sequences of messages and of mailboxes: each is at least 1,
//     a message's no higher than its mailbox's, a mailbox's no higher than its
//     account's.
//   - INBOX, names, special uses: each account has its INBOX; names are
//     canonical and valid; no two mailboxes of an account have one special use.
//   - given numbers: no UIDVALIDITY or content id is above the last given.
//   - content of a message, size of a message: the content is there; the size
//     is its own and the trace's.
//   - references: a content's are its messages and queue entries, counted.
//   - garbage: exactly the contents without references are garbage; what is
//     being staged is no content yet.
//   - meta, sort keys, chunks: each content has its row of the first, and exactly
//     the chunks that its size demands; none of the three is anybody else's, but
//     that garbage has chunks.
//   - tombstones: as many as the mailbox says, below its next UID, no higher
//     than its modification sequence, above what was pruned, and of no UID that
//     is there.
//   - keywords: a mailbox lists those of its messages, whose lists are in order.
//   - queue: each message's content is there, and it has recipients.
//   - directory: accounts, aliases and domains agree (see checkDirectory).
//   - commits: the counter outside the database does not lead.
//   - deep: each content's octets decode and have its size and checksum; its
//     part tree has its checksum, covers it and agrees with the header's size.
//
// # The files
//
// The engine:
//
//	store.go           Config, Open, Close
//	conn.go            connections to SQLite
//	tx.go              transactions, and what reads in one
//	write.go           the writer and its group commit
//	full.go            whether the disk has room
//	commits.go         the counter outside the database
//	recover.go         what is done when commits are missing
//	migrate.go         older schemas
//	checkpoint.go      the write-ahead log's length
//	sweep.go           freeing what nothing refers to
//	watch.go           waking whoever watches
//	errors.go          SQLite's errors as package mail's
//	figures.go         numbers for metrics
//	progress.go        how far something long is
//	turns.go           … and when it is its turn
//	check*.go          Check
//	invariants.go      … what of it is said in SQL
//	holding.go         everywhere that a message is, for the comparison with a ledger
//	fault*.go          where the crash tests end the process
//
// Messages:
//
//	accept.go          a message and everywhere it goes, in one transaction
//	body.go            its octets on their way in
//	body_held.go       … and what they may hold of memory
//	content.go         its octets, read
//	batch.go           … of several messages at once
//	blob.go            how octets are stored
//	base64.go          … those of attachments
//	message.go         Messages: what FETCH lists
//	list_narrow.go     … fast
//	list_indexed.go    … faster, out of memory
//	index.go           what is in memory of a mailbox
//	items.go           changing many messages at a time
//	changes.go         what changed since
//	flags.go           flags
//	flags_recent.go    … that were changed a moment ago
//	keyword.go         … that people made
//	copy.go            COPY and MOVE
//	expunge.go         EXPUNGE, and what POP3 deletes
//	replace.go         REPLACE
//	objectid.go        EMAILID, MAILBOXID, THREADID
//	zone.go            moments with their zone
//	search*.go         SEARCH: criteria, how they are decided, what is read for it
//	sort.go            SORT
//	thread.go          THREAD
//	sortkeys.go        what both compare
//	queue.go           the outbound queue
//
// Mailboxes and accounts:
//
//	mailbox.go         mailboxes
//	names.go           … what they may be called
//	subscription.go    … subscribed to
//	special_use.go     … and what they are for
//	annotation.go      METADATA
//	account.go         accounts
//	quota.go           … their limits
//	credential.go      … their passwords
//	login.go           … where they log in from
//	drop.go            … and who has their POP3 drop
//	alias.go           aliases
//	domain.go          domains of ours
//	resolve.go         whom an address leads to
package store

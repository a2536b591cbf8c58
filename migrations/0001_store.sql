-- Times are milliseconds since 1970 in UTC unless said otherwise. Addresses
-- are kept as they were written (local, domain) beside the key under which
-- they are looked up (mail.Address.Key). Foreign keys are declared where rows
-- are few; what would cost every delivery a look-up is verified by Check.

PRAGMA application_id = 1349022318; -- "Phrn"

-- One row of counters that only ascend.
CREATE TABLE state (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    commits     INTEGER NOT NULL,   -- transactions committed by the writer
    content     INTEGER NOT NULL,   -- no content id above this was ever given
    uidvalidity INTEGER NOT NULL    -- the last UIDVALIDITY given to a mailbox
) STRICT;
INSERT INTO state VALUES (1, 0, 0, 0);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
    domain  TEXT PRIMARY KEY,       -- mail.DomainKey
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key            TEXT NOT NULL UNIQUE,
    local          TEXT NOT NULL,
    domain         TEXT NOT NULL,
    disabled       INTEGER NOT NULL DEFAULT 0,
    created        INTEGER NOT NULL,
    quota_bytes    INTEGER NOT NULL DEFAULT 0,  -- 0: none
    quota_messages INTEGER NOT NULL DEFAULT 0,
    bytes          INTEGER NOT NULL DEFAULT 0,  -- of all its messages
    messages       INTEGER NOT NULL DEFAULT 0,
    modseq         INTEGER NOT NULL DEFAULT 0   -- the last modification sequence given
) STRICT;

CREATE TABLE credentials (
    account   INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name      TEXT NOT NULL,        -- empty: the account's password
    verifier  BLOB NOT NULL,
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
    key    TEXT PRIMARY KEY,        -- of a catch-all: "@domain"
    local  TEXT NOT NULL,
    domain TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alias_targets (
    alias  TEXT NOT NULL REFERENCES aliases ON DELETE CASCADE,
    n      INTEGER NOT NULL,        -- in the order given
    key    TEXT NOT NULL,
    local  TEXT NOT NULL,
    domain TEXT NOT NULL,
    PRIMARY KEY (alias, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_targets_key ON alias_targets (key);

-- A mailbox that was deleted has neither account nor name: it waits to be
-- emptied by the sweep.
CREATE TABLE mailboxes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER REFERENCES accounts ON DELETE RESTRICT,
    name        TEXT,
    special_use TEXT NOT NULL DEFAULT '',
    uidvalidity INTEGER NOT NULL UNIQUE,
    uidnext     INTEGER NOT NULL DEFAULT 1,
    modseq      INTEGER NOT NULL,               -- of the last change in it
    messages    INTEGER NOT NULL DEFAULT 0,
    unseen      INTEGER NOT NULL DEFAULT 0,
    deleted     INTEGER NOT NULL DEFAULT 0,     -- those flagged \Deleted
    bytes       INTEGER NOT NULL DEFAULT 0,
    keywords    TEXT NOT NULL DEFAULT '',       -- ever used, parted by spaces
    tombstones  INTEGER NOT NULL DEFAULT 0,     -- rows of that table
    pruned      INTEGER NOT NULL DEFAULT 0,     -- tombstones up to this modseq may be gone
    UNIQUE (account, name),
    CHECK ((account IS NULL) = (name IS NULL))
) STRICT;

CREATE TABLE subscriptions (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name    TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- A copy of a content in a mailbox. The wide columns come last, so that a
-- listing need not read them.
CREATE TABLE messages (
    mailbox  INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    content  INTEGER NOT NULL,
    modseq   INTEGER NOT NULL,
    flags    INTEGER NOT NULL,      -- mail.SystemFlags
    keywords TEXT,                  -- sorted, parted by spaces; NULL: none
    date     INTEGER NOT NULL,      -- INTERNALDATE with its zone, see zonedTime
    sent     INTEGER,               -- the Date field, likewise; NULL: none
    saved    INTEGER NOT NULL,      -- when the copy came into this mailbox, in seconds
    size     INTEGER NOT NULL,      -- octets of trace and content
    trace    BLOB,                  -- header lines of this copy alone; NULL: none
    envelope BLOB NOT NULL,         -- rendered ENVELOPE
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_modseq ON messages (mailbox, modseq);

-- What was expunged: UIDs first to last, all of which were there until then.
CREATE TABLE tombstones (
    mailbox INTEGER NOT NULL,
    modseq  INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, first)
) STRICT, WITHOUT ROWID;

-- A message's octets, shared by all its copies and queue entries. The first
-- head octets are meta.header, the others the chunks, each of chunk octets
-- but the last.
CREATE TABLE contents (
    id          INTEGER PRIMARY KEY,
    refs        INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    header_size INTEGER NOT NULL,
    head        INTEGER NOT NULL,
    chunk       INTEGER NOT NULL,
    traits      INTEGER NOT NULL,   -- what a next hop must be able to take, see traits
    sha256      BLOB NOT NULL
) STRICT;

-- What the parser found. It stands apart from the narrow row above and the
-- wide ones below, so that listings read no more than they show. header, the
-- texts (message.Text) and chunks are blobs: an octet that names the encoding,
-- the data, and their CRC-32C.
CREATE TABLE meta (
    content   INTEGER PRIMARY KEY,
    header    BLOB NOT NULL,
    structure BLOB NOT NULL,        -- rendered BODYSTRUCTURE
    parts     BLOB NOT NULL         -- message.Part.AppendBinary
) STRICT;

CREATE TABLE texts (
    content   INTEGER PRIMARY KEY,
    truncated INTEGER NOT NULL,     -- they are not all of it
    header    BLOB NOT NULL,
    mime      BLOB NOT NULL,
    body      BLOB NOT NULL
) STRICT;

CREATE TABLE chunks (
    key  INTEGER PRIMARY KEY,       -- content << 16 | number
    data BLOB NOT NULL
) STRICT;

-- Contents that are not, or no longer, a message: the sweep removes them,
-- those being staged only after a restart.
CREATE TABLE garbage (
    content INTEGER PRIMARY KEY,
    staged  INTEGER NOT NULL
) STRICT;

-- An outbound message's envelope. It counts as one reference to its content.
CREATE TABLE queue_messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    content       INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    account       INTEGER NOT NULL, -- who sent it; 0: nobody here
    sender_local  TEXT NOT NULL,
    sender_domain TEXT NOT NULL,
    body          TEXT NOT NULL,    -- mail.BodyType
    utf8          INTEGER NOT NULL,
    require_tls   INTEGER NOT NULL,
    ret           TEXT NOT NULL,    -- mail.Return
    envelope_id   TEXT NOT NULL,
    queued        INTEGER NOT NULL
) STRICT;

CREATE TABLE queue_recipients (
    message       INTEGER NOT NULL REFERENCES queue_messages ON DELETE CASCADE,
    n             INTEGER NOT NULL,
    local         TEXT NOT NULL,
    domain        TEXT NOT NULL,
    notify        INTEGER NOT NULL, -- mail.Notify
    original_type TEXT NOT NULL,
    original      TEXT NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_try      INTEGER NOT NULL DEFAULT 0,
    next_try      INTEGER NOT NULL,
    last_error    TEXT NOT NULL DEFAULT '',
    delayed       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_recipients_next ON queue_recipients (next_try);

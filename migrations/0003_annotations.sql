-- Annotations (RFC 5464) of a mailbox, or with mailbox 0 of the account.
-- There are few, and small; none is in the quota.
CREATE TABLE annotations (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    mailbox INTEGER NOT NULL,
    entry   TEXT NOT NULL,          -- in lower case
    value   BLOB NOT NULL,
    PRIMARY KEY (account, mailbox, entry)
) STRICT, WITHOUT ROWID;

-- What SORT and THREAD compare of a content (message.Keys): rows are made when
-- it is first asked for, for clients that never do should cost nothing.
CREATE TABLE sortkeys (
    content      INTEGER PRIMARY KEY,
    ids          TEXT NOT NULL,         -- in hex: the Message-ID (0: none), then the references
    reply        INTEGER NOT NULL,
    subject      TEXT NOT NULL,
    sender       TEXT NOT NULL,         -- of From
    recipient    TEXT NOT NULL,         -- of To
    cc           TEXT NOT NULL,
    display_from TEXT NOT NULL,
    display_to   TEXT NOT NULL
) STRICT;

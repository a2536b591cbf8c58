-- The addresses from which people logged in, so that the lock-out knows them
-- after a restart.
CREATE TABLE logins (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    address TEXT NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

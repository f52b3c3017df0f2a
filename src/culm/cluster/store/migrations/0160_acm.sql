CREATE TABLE acm_certificate (
    id INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE, -- 'authority' for the one that signs those that are requested
    body TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    data BLOB NOT NULL -- the private key
) STRICT;

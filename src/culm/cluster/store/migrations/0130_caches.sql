CREATE TABLE replication_group (
    -- what the caller wished
    identifier TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    port INTEGER NOT NULL,
    deleting INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    -- what the cache loop found
    status TEXT NOT NULL DEFAULT 'creating',
    status_reason TEXT NOT NULL DEFAULT '',
    endpoint_address TEXT,
    endpoint_port INTEGER
) STRICT;

CREATE TABLE cache_user (
    identifier TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE cache_user_group (
    identifier TEXT PRIMARY KEY,
    engine TEXT NOT NULL
) STRICT;

CREATE TABLE cache_user_group_member (
    user_group TEXT NOT NULL REFERENCES cache_user_group ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES cache_user ON DELETE CASCADE,
    PRIMARY KEY (user_group, user_id)
) STRICT;

CREATE TABLE db_instance (
    -- what the caller wished
    identifier TEXT PRIMARY KEY,
    resource_id TEXT NOT NULL,
    body TEXT NOT NULL,
    verifier TEXT NOT NULL,
    port INTEGER NOT NULL,
    deleting INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    -- what the database loop found
    status TEXT NOT NULL DEFAULT 'creating',
    status_reason TEXT NOT NULL DEFAULT '',
    endpoint_address TEXT,
    endpoint_port INTEGER
) STRICT;

CREATE TABLE scalable_target (
    resource_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE scaling_policy (
    resource_id TEXT NOT NULL REFERENCES scalable_target ON DELETE CASCADE,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (resource_id, name)
) STRICT;

CREATE TABLE scaling_activity (
    id TEXT PRIMARY KEY,
    resource_id TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;

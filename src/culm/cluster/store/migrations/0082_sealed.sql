-- which of the cluster's keys a row is sealed with; 0: none yet
ALTER TABLE s3_body ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX s3_body_key ON s3_body (key_id);

CREATE TABLE ssm_parameter (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE ssm_parameter_version (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL REFERENCES ssm_parameter ON DELETE CASCADE,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    modified_at REAL NOT NULL,
    key_id INTEGER NOT NULL,
    data BLOB NOT NULL, -- every type is sealed: what is no SecureString may be a secret all the same
    UNIQUE (name, version)
) STRICT;

CREATE TABLE secret (
    arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE secret_version (
    id INTEGER PRIMARY KEY,
    secret TEXT NOT NULL REFERENCES secret ON DELETE CASCADE,
    version_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    stages TEXT NOT NULL, -- a JSON list of AWSCURRENT, AWSPREVIOUS, ...
    binary INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (secret, version_id)
) STRICT;

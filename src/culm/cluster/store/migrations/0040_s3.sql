CREATE TABLE s3_bucket (
    name TEXT PRIMARY KEY,
    region TEXT NOT NULL,
    created_at REAL NOT NULL,
    versioning TEXT CHECK (versioning IN ('Enabled', 'Suspended'))
) STRICT;

CREATE TABLE s3_object (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- a key's newest version has its highest
    bucket TEXT NOT NULL REFERENCES s3_bucket,
    key TEXT NOT NULL,
    version_id TEXT NOT NULL, -- 'null' while versioning is off
    is_latest INTEGER NOT NULL,
    delete_marker INTEGER NOT NULL,
    body_id TEXT, -- NULL: a delete marker
    facts TEXT NOT NULL,
    UNIQUE (bucket, key, version_id)
) STRICT;
CREATE UNIQUE INDEX s3_object_latest ON s3_object (bucket, key) WHERE is_latest = 1;
CREATE INDEX s3_object_history ON s3_object (bucket, key, sequence DESC);

CREATE TABLE s3_upload (
    upload_id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES s3_bucket,
    key TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX s3_upload_key ON s3_upload (bucket, key, upload_id);

CREATE TABLE s3_part (
    upload_id TEXT NOT NULL REFERENCES s3_upload ON DELETE CASCADE,
    part_number INTEGER NOT NULL,
    body_id TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (upload_id, part_number)
) STRICT;

CREATE TABLE s3_body (
    id INTEGER PRIMARY KEY,
    body_id TEXT NOT NULL,
    part INTEGER NOT NULL, -- 1 when it was not uploaded in parts
    position INTEGER NOT NULL,
    size INTEGER NOT NULL, -- bytes of the object's, whatever the form of the data
    data BLOB NOT NULL,
    UNIQUE (body_id, part, position)
) STRICT;

CREATE TABLE log_group (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    retention_days INTEGER,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE log_stream (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES log_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    first_event_ms INTEGER,
    last_event_ms INTEGER,
    last_ingestion_ms INTEGER,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    UNIQUE (group_id, name)
) STRICT;

-- Clustered by stream and time: an append lands at the end of its stream, a time range is one scan.
CREATE TABLE log_event (
    stream_id INTEGER NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE,
    timestamp_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    ingested_ms INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (stream_id, timestamp_ms, sequence)
) STRICT, WITHOUT ROWID;

-- Where the follower of a container's own log goes on; written with the events that it covers.
CREATE TABLE log_follower (
    container TEXT PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE,
    cursor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

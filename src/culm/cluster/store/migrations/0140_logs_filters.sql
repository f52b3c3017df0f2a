-- Rules that count what is put into a group.
CREATE TABLE log_metric_filter (
    group_id INTEGER NOT NULL REFERENCES log_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (group_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_resource_policy (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log_query_definition (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Insights' queries, with the rows that they gave.
CREATE TABLE log_query (
    id TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    results TEXT NOT NULL
) STRICT, WITHOUT ROWID;

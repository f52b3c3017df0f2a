CREATE TABLE schedule_group (
    name TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL
) STRICT;
INSERT INTO schedule_group VALUES ('default', 0, 0);

CREATE TABLE schedule (
    group_name TEXT NOT NULL REFERENCES schedule_group ON DELETE CASCADE,
    name TEXT NOT NULL,
    next_at REAL,
    body TEXT NOT NULL,
    PRIMARY KEY (group_name, name)
) STRICT;

CREATE TABLE schedule_firing (
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    scheduled_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    try_at REAL NOT NULL,
    PRIMARY KEY (group_name, name, scheduled_at),
    FOREIGN KEY (group_name, name) REFERENCES schedule ON DELETE CASCADE
) STRICT;

CREATE TABLE schedule_tag (
    arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT;

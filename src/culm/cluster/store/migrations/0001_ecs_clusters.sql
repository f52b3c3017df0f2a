CREATE TABLE ecs_cluster (
    name TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    deleted_at REAL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE ecs_capacity_provider (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE ecs_tag (
    resource_arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource_arn, key)
) STRICT, WITHOUT ROWID;

-- principal: an ARN, or '' for the account's default
CREATE TABLE ecs_setting (
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (principal, name)
) STRICT, WITHOUT ROWID;

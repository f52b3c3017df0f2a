CREATE TABLE elbv2_load_balancer (
    arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE elbv2_listener (
    arn TEXT PRIMARY KEY,
    load_balancer_arn TEXT NOT NULL REFERENCES elbv2_load_balancer ON DELETE CASCADE,
    port INTEGER NOT NULL,
    body TEXT NOT NULL,
    problem TEXT NOT NULL DEFAULT '' -- a fact, the balancer's
) STRICT;
CREATE INDEX elbv2_listener_load_balancer ON elbv2_listener (load_balancer_arn);

CREATE TABLE elbv2_rule (
    arn TEXT PRIMARY KEY,
    listener_arn TEXT NOT NULL REFERENCES elbv2_listener ON DELETE CASCADE,
    priority INTEGER, -- NULL: the listener's default rule
    body TEXT NOT NULL,
    UNIQUE (listener_arn, priority)
) STRICT;

CREATE TABLE elbv2_target_group (
    arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

-- Which rules forward to which groups: what makes a group used, and ties it to its load balancer.
CREATE TABLE elbv2_forward (
    rule_arn TEXT NOT NULL REFERENCES elbv2_rule ON DELETE CASCADE,
    target_group_arn TEXT NOT NULL REFERENCES elbv2_target_group,
    PRIMARY KEY (rule_arn, target_group_arn)
) STRICT, WITHOUT ROWID;
CREATE INDEX elbv2_forward_target_group ON elbv2_forward (target_group_arn);

CREATE TABLE elbv2_target (
    target_group_arn TEXT NOT NULL REFERENCES elbv2_target_group ON DELETE CASCADE,
    id TEXT NOT NULL,
    port INTEGER NOT NULL,
    registered_at REAL NOT NULL,
    deregistered_at REAL,
    state TEXT NOT NULL, -- facts from here on, the balancer's
    reason TEXT,
    description TEXT,
    PRIMARY KEY (target_group_arn, id, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE elbv2_tag (
    arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

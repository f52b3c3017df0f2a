CREATE TABLE ecs_container_instance (
    arn TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    ec2_instance_id TEXT NOT NULL,
    registered_at REAL NOT NULL,
    -- a wish: ACTIVE, DRAINING, or INACTIVE once deregistered
    status TEXT NOT NULL,
    -- a fact: its agent holds a connection
    agent_connected INTEGER NOT NULL DEFAULT 0,
    -- what its agent registered
    body TEXT NOT NULL
) STRICT;

CREATE INDEX ecs_container_instance_ec2 ON ecs_container_instance (ec2_instance_id);
CREATE INDEX ecs_container_instance_cluster ON ecs_container_instance (cluster, status);

-- what people put on resources; the attributes that agents registered are in their instance's body
CREATE TABLE ecs_attribute (
    cluster TEXT NOT NULL,
    target_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    PRIMARY KEY (cluster, target_id, name)
) STRICT, WITHOUT ROWID;

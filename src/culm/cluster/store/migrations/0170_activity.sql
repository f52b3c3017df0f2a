-- When services that sleep by themselves had their last request that counts, and how many the load balancer had counted.
CREATE TABLE ecs_activity (
    arn TEXT PRIMARY KEY REFERENCES ecs_service (arn) ON DELETE CASCADE,
    last_request REAL NOT NULL,
    requests INTEGER NOT NULL
) STRICT;
CREATE INDEX ecs_tag_sleep ON ecs_tag (resource_arn) WHERE key = 'culm:sleep';

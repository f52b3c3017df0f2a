-- The last beginning or end of office hours by which a service woke or went to sleep, in epoch seconds.
CREATE TABLE ecs_office_hours (
    arn TEXT PRIMARY KEY REFERENCES ecs_service (arn) ON DELETE CASCADE,
    boundary REAL NOT NULL
) STRICT;
CREATE INDEX ecs_tag_hours ON ecs_tag (resource_arn) WHERE key = 'culm:hours';

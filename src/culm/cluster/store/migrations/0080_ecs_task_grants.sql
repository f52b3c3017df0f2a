-- keys are made from this whenever they are needed; none is kept
CREATE TABLE ecs_task_grant (
    task_arn TEXT PRIMARY KEY,
    role_arn TEXT NOT NULL,
    expiration REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ecs_task_grant_end ON ecs_task_grant (expiration);

DROP TABLE ecs_task_credentials;

-- Sessions of ECS Exec that nobody has opened yet: a token is good once, and for a minute.
CREATE TABLE ecs_exec_session (
    id TEXT PRIMARY KEY,
    token_digest TEXT NOT NULL,
    task_arn TEXT NOT NULL,
    container TEXT NOT NULL,
    command TEXT NOT NULL,
    expires_at REAL NOT NULL
) STRICT;

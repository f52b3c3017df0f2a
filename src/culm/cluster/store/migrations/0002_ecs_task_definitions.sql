-- body never changes once written: a revision is immutable; the other columns are its life
CREATE TABLE ecs_task_definition (
    family TEXT NOT NULL,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    deregistered_at REAL,
    delete_requested_at REAL,
    body TEXT NOT NULL,
    PRIMARY KEY (family, revision)
) STRICT;

CREATE INDEX ecs_task_definition_status ON ecs_task_definition (status, family, revision);

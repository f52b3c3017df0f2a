CREATE TABLE ecs_service (
    arn TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    scheduling_strategy TEXT NOT NULL,
    launch_type TEXT NOT NULL,
    -- wishes
    desired_count INTEGER NOT NULL,
    task_definition TEXT NOT NULL,
    deleted_at REAL,
    body TEXT NOT NULL,
    -- a fact: the last task of a deleted service is gone
    drained_at REAL,
    -- the scheduler's note to itself: when it has to look again, and whether it waits for room on the instances
    look_at REAL NOT NULL DEFAULT 0,
    wants_room INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX ecs_service_cluster ON ecs_service (cluster, drained_at, name);
CREATE INDEX ecs_service_due ON ecs_service (cluster, look_at) WHERE drained_at IS NULL;
CREATE INDEX ecs_service_waiting ON ecs_service (cluster) WHERE drained_at IS NULL AND wants_room = 1;

CREATE TABLE ecs_deployment (
    id TEXT PRIMARY KEY,
    service_arn TEXT NOT NULL REFERENCES ecs_service (arn) ON DELETE CASCADE,
    created_at REAL NOT NULL,
    -- INACTIVE: only its record, as a service deployment and a service revision, is left
    status TEXT NOT NULL,
    -- a wish of StopServiceDeployment: ROLLBACK
    stop_requested TEXT,
    finished_at REAL,
    -- container name to image digest, as its first task's images were resolved
    digests TEXT NOT NULL DEFAULT '{}',
    -- the service as it was when this deployment began
    revision TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX ecs_deployment_service ON ecs_deployment (service_arn, created_at);

CREATE TABLE ecs_event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    service_arn TEXT NOT NULL REFERENCES ecs_service (arn) ON DELETE CASCADE,
    created_at REAL NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX ecs_event_service ON ecs_event (service_arn, number);

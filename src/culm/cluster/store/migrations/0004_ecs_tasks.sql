CREATE TABLE ecs_task (
    arn TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    family TEXT NOT NULL,
    task_definition_arn TEXT NOT NULL,
    task_group TEXT NOT NULL,
    started_by TEXT,
    service_arn TEXT,
    container_instance_arn TEXT,
    launch_type TEXT NOT NULL,
    created_at REAL NOT NULL,
    -- what it takes from its instance: CPU units, MiB, and its host ports as a JSON list of "80/tcp"
    counted_cpu INTEGER NOT NULL,
    counted_memory INTEGER NOT NULL,
    host_ports TEXT NOT NULL,
    -- whether it is to be registered in target groups
    load_balanced INTEGER NOT NULL,
    -- what was asked for at the start: overrides and the like
    asked TEXT NOT NULL,
    -- wishes: whoever wants it stopped
    desired_status TEXT NOT NULL,
    stop_code TEXT,
    stopped_reason TEXT,
    stopping_at REAL,
    protected_until REAL,
    -- facts: what its instance's agent reported
    last_status TEXT NOT NULL,
    health_status TEXT NOT NULL,
    started_at REAL,
    healthy_at REAL,
    stopped_at REAL,
    version INTEGER NOT NULL DEFAULT 1,
    reported TEXT NOT NULL
) STRICT;

CREATE INDEX ecs_task_cluster ON ecs_task (cluster, last_status, desired_status);
CREATE INDEX ecs_task_load ON ecs_task (
    cluster, container_instance_arn, task_group, counted_cpu, counted_memory, desired_status, last_status
) WHERE last_status != 'STOPPED';
CREATE INDEX ecs_task_service ON ecs_task (service_arn, started_by, last_status) WHERE service_arn IS NOT NULL;
CREATE INDEX ecs_task_leaving ON ecs_task (cluster) WHERE desired_status = 'STOPPED' AND last_status != 'STOPPED';
CREATE INDEX ecs_task_instance ON ecs_task (container_instance_arn, last_status);
CREATE INDEX ecs_task_stopped ON ecs_task (cluster, stopped_at) WHERE stopped_at IS NOT NULL;

-- RunTask's client tokens: the same token answers with the same tasks for 24 hours
CREATE TABLE ecs_client_token (
    cluster TEXT NOT NULL,
    token TEXT NOT NULL,
    created_at REAL NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (cluster, token)
) STRICT, WITHOUT ROWID;

-- the targets that a task was registered as; a row goes when its target has drained
CREATE TABLE ecs_task_target (
    task_arn TEXT NOT NULL,
    target_group_arn TEXT NOT NULL,
    id TEXT NOT NULL,
    port INTEGER NOT NULL,
    -- its task is to stop, or has
    leaving INTEGER NOT NULL DEFAULT 0,
    deregistered INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (task_arn, target_group_arn, port)
) STRICT, WITHOUT ROWID;

CREATE INDEX ecs_task_target_target ON ecs_task_target (target_group_arn, id, port);
CREATE INDEX ecs_task_target_leaving ON ecs_task_target (task_arn) WHERE leaving = 1;

-- the keys that a task's SDKs sign with; made anew before they expire
CREATE TABLE ecs_task_credentials (
    task_arn TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the tasks of a group that are not STOPPED take from an instance: kept as they come and go, because every task that
-- is placed asks for all of it. Host ports are asked of the tasks that have any.
CREATE TABLE ecs_load (
    cluster TEXT NOT NULL,
    container_instance_arn TEXT NOT NULL,
    task_group TEXT NOT NULL,
    -- CPU units and MiB
    cpu INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    tasks INTEGER NOT NULL,
    -- those that are to go on, and those that are RUNNING
    staying INTEGER NOT NULL,
    running INTEGER NOT NULL,
    PRIMARY KEY (cluster, container_instance_arn, task_group)
) STRICT, WITHOUT ROWID;

INSERT INTO ecs_load
SELECT cluster, container_instance_arn, task_group, sum(counted_cpu), sum(counted_memory), count(*),
    sum(desired_status = 'RUNNING'), sum(last_status = 'RUNNING')
FROM ecs_task WHERE last_status != 'STOPPED' AND container_instance_arn IS NOT NULL
GROUP BY cluster, container_instance_arn, task_group;

CREATE TRIGGER ecs_load_of_new_task AFTER INSERT ON ecs_task
WHEN NEW.last_status != 'STOPPED' AND NEW.container_instance_arn IS NOT NULL
BEGIN
    INSERT INTO ecs_load VALUES (
        NEW.cluster, NEW.container_instance_arn, NEW.task_group, NEW.counted_cpu, NEW.counted_memory, 1,
        NEW.desired_status = 'RUNNING', NEW.last_status = 'RUNNING'
    ) ON CONFLICT DO UPDATE SET
        cpu = cpu + excluded.cpu, memory = memory + excluded.memory, tasks = tasks + 1,
        staying = staying + excluded.staying, running = running + excluded.running;
END;

CREATE TRIGGER ecs_load_of_task AFTER UPDATE OF last_status, desired_status ON ecs_task
WHEN OLD.last_status != 'STOPPED' AND NEW.last_status != 'STOPPED'
    AND (OLD.last_status != NEW.last_status OR OLD.desired_status != NEW.desired_status)
BEGIN
    UPDATE ecs_load SET
        staying = staying + (NEW.desired_status = 'RUNNING') - (OLD.desired_status = 'RUNNING'),
        running = running + (NEW.last_status = 'RUNNING') - (OLD.last_status = 'RUNNING')
    WHERE cluster = OLD.cluster AND container_instance_arn = OLD.container_instance_arn AND task_group = OLD.task_group;
END;

CREATE TRIGGER ecs_load_of_stopped_task AFTER UPDATE OF last_status ON ecs_task
WHEN OLD.last_status != 'STOPPED' AND NEW.last_status = 'STOPPED'
BEGIN
    UPDATE ecs_load SET
        cpu = cpu - OLD.counted_cpu, memory = memory - OLD.counted_memory, tasks = tasks - 1,
        staying = staying - (OLD.desired_status = 'RUNNING'), running = running - (OLD.last_status = 'RUNNING')
    WHERE cluster = OLD.cluster AND container_instance_arn = OLD.container_instance_arn AND task_group = OLD.task_group;
    DELETE FROM ecs_load
    WHERE cluster = OLD.cluster AND container_instance_arn = OLD.container_instance_arn AND task_group = OLD.task_group
        AND tasks = 0;
END;

CREATE TRIGGER ecs_load_of_deleted_task AFTER DELETE ON ecs_task WHEN OLD.last_status != 'STOPPED'
BEGIN
    UPDATE ecs_load SET
        cpu = cpu - OLD.counted_cpu, memory = memory - OLD.counted_memory, tasks = tasks - 1,
        staying = staying - (OLD.desired_status = 'RUNNING'), running = running - (OLD.last_status = 'RUNNING')
    WHERE cluster = OLD.cluster AND container_instance_arn = OLD.container_instance_arn AND task_group = OLD.task_group;
    DELETE FROM ecs_load
    WHERE cluster = OLD.cluster AND container_instance_arn = OLD.container_instance_arn AND task_group = OLD.task_group
        AND tasks = 0;
END;

-- the sums were its use; this one is what agents' metrics ask, and a task's state changes it only when the task stops
DROP INDEX ecs_task_load;
CREATE INDEX ecs_task_live ON ecs_task (container_instance_arn) WHERE last_status != 'STOPPED';

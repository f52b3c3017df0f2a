-- A task set is scheduled as a service of its own, and belongs to one of the EXTERNAL deployment controller.
ALTER TABLE ecs_service ADD COLUMN task_set_of TEXT REFERENCES ecs_service (arn) ON DELETE CASCADE;
CREATE INDEX ecs_service_task_sets ON ecs_service (task_set_of) WHERE task_set_of IS NOT NULL;

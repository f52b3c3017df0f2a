-- ecs_service.look_at says when the scheduler has to look at a service again; whatever concerns it sets it to 0 (now).
-- So a look costs what has changed, not what there is.

CREATE TRIGGER ecs_look_at_service_of_new_task AFTER INSERT ON ecs_task WHEN NEW.service_arn IS NOT NULL
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE arn = NEW.service_arn AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_service_of_task AFTER UPDATE OF version ON ecs_task WHEN NEW.service_arn IS NOT NULL
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE arn = NEW.service_arn AND look_at != 0;
END;

-- a task that has stopped leaves room for those that want some
CREATE TRIGGER ecs_look_at_services_without_room AFTER UPDATE OF last_status ON ecs_task
WHEN NEW.last_status = 'STOPPED' AND OLD.last_status != 'STOPPED'
BEGIN
    UPDATE ecs_service SET look_at = 0
    WHERE cluster = NEW.cluster AND drained_at IS NULL AND wants_room = 1 AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_services_for_new_instance AFTER INSERT ON ecs_container_instance
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE cluster = NEW.cluster AND drained_at IS NULL AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_services_for_instance AFTER UPDATE ON ecs_container_instance
WHEN (NEW.status, NEW.agent_connected, NEW.body) IS NOT (OLD.status, OLD.agent_connected, OLD.body)
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE cluster = NEW.cluster AND drained_at IS NULL AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_services_for_new_attribute AFTER INSERT ON ecs_attribute
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE cluster = NEW.cluster AND drained_at IS NULL AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_services_for_attribute AFTER UPDATE ON ecs_attribute
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE cluster = NEW.cluster AND drained_at IS NULL AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_services_for_old_attribute AFTER DELETE ON ecs_attribute
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE cluster = OLD.cluster AND drained_at IS NULL AND look_at != 0;
END;

CREATE TRIGGER ecs_look_at_service_of_target AFTER UPDATE OF state ON elbv2_target WHEN NEW.state IS NOT OLD.state
BEGIN
    UPDATE ecs_service SET look_at = 0
    WHERE look_at != 0 AND arn IN (
        SELECT t.service_arn FROM ecs_task_target r JOIN ecs_task t ON t.arn = r.task_arn
        WHERE r.target_group_arn = NEW.target_group_arn AND r.id = NEW.id AND r.port = NEW.port
    );
END;

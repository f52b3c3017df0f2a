CREATE TABLE cloudwatch_alarm (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    state_updated_at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- A deployment may hang on it.
CREATE TRIGGER ecs_look_at_services_with_alarm AFTER UPDATE OF state ON cloudwatch_alarm WHEN NEW.state != OLD.state
BEGIN
    UPDATE ecs_service SET look_at = 0 WHERE drained_at IS NULL AND look_at != 0 AND instr(body, NEW.name);
END;

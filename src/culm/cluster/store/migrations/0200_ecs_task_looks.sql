-- what every look at the tasks of a large cluster asks: fixed host ports that are taken, and what agents have yet to do
CREATE INDEX ecs_task_ports ON ecs_task (cluster) WHERE last_status != 'STOPPED' AND host_ports != '[]';
CREATE INDEX ecs_task_pending ON ecs_task (container_instance_arn)
    WHERE last_status IN ('PROVISIONING', 'PENDING', 'STOPPING');

-- Who sleeps is asked at every look of the load balancer, and the table has the tags of every task.
CREATE INDEX ecs_tag_awake ON ecs_tag (resource_arn) WHERE key = 'culm:awake';

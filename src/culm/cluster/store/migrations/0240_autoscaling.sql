-- Launch templates, and groups of simulated instances that are made by them.
CREATE TABLE ec2_launch_template (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE autoscaling_group (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- The group that an instance is of; NULL for those that come with their ECS cluster.
ALTER TABLE machine ADD COLUMN autoscaling_group TEXT;

-- The simulated EC2 instances; the fleet loop is their only writer.
CREATE TABLE machine (
    ec2_instance_id TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    address TEXT NOT NULL UNIQUE,
    availability_zone TEXT NOT NULL
) STRICT;

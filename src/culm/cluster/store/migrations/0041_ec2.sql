CREATE TABLE ec2_security_group (
    group_id TEXT PRIMARY KEY,
    group_name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;
INSERT INTO ec2_security_group VALUES (
    'sg-00000000000000001',
    'default',
    '{"description":"default VPC security group","rules":[{"rule_id":"sgr-00000000000000001","egress":true,"protocol":"-1","cidr":"0.0.0.0/0"},{"rule_id":"sgr-00000000000000002","egress":false,"protocol":"-1","group_id":"sg-00000000000000001"}]}'
);

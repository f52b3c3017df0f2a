-- VPCs, subnets, internet gateways and route tables.
CREATE TABLE ec2_network (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
INSERT INTO ec2_network VALUES
    ('vpc-00000000000000001', 'Vpc',
     '{"id":"vpc-00000000000000001","cidr_block":"172.31.0.0/16","is_default":true,"dns_hostnames":true}'),
    ('subnet-0000000000000000a', 'Subnet',
     '{"id":"subnet-0000000000000000a","vpc_id":"vpc-00000000000000001","cidr_block":"172.31.0.0/20","zone":"a","default_for_az":true,"map_public_ip_on_launch":true}'),
    ('subnet-0000000000000000b', 'Subnet',
     '{"id":"subnet-0000000000000000b","vpc_id":"vpc-00000000000000001","cidr_block":"172.31.16.0/20","zone":"b","default_for_az":true,"map_public_ip_on_launch":true}'),
    ('igw-00000000000000001', 'InternetGateway', '{"id":"igw-00000000000000001","vpc_id":"vpc-00000000000000001"}'),
    ('rtb-00000000000000001', 'RouteTable',
     '{"id":"rtb-00000000000000001","vpc_id":"vpc-00000000000000001","routes":[{"destination":"0.0.0.0/0","gateway_id":"igw-00000000000000001"}],"associations":[{"id":"rtbassoc-00000000000000001"}]}');

CREATE TABLE ec2_tag (
    resource_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource_id, key)
) STRICT, WITHOUT ROWID;
INSERT INTO ec2_tag
    SELECT group_id, tag.key, tag.value FROM ec2_security_group, json_each(body, '$.tags') AS tag;

-- Security groups are of any VPC, and a name is unique in its VPC.
ALTER TABLE ec2_security_group RENAME TO ec2_security_group_before;
CREATE TABLE ec2_security_group (
    group_id TEXT PRIMARY KEY,
    vpc_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (vpc_id, group_name)
) STRICT;
INSERT INTO ec2_security_group
    SELECT group_id, 'vpc-00000000000000001', group_name, body FROM ec2_security_group_before;
DROP TABLE ec2_security_group_before;

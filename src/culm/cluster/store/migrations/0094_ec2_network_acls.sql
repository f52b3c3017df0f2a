-- Every VPC has a default network ACL, with which its subnets are associated.
INSERT INTO ec2_network (id, kind, body)
SELECT
    replace(vpc.id, 'vpc-', 'acl-'),
    'NetworkAcl',
    json_object(
        'id', replace(vpc.id, 'vpc-', 'acl-'),
        'vpc_id', vpc.id,
        'is_default', json('true'),
        'entries', json('[
            {"number": 100, "egress": true, "protocol": "-1", "action": "allow", "cidr": "0.0.0.0/0"},
            {"number": 32767, "egress": true, "protocol": "-1", "action": "deny", "cidr": "0.0.0.0/0"},
            {"number": 100, "egress": false, "protocol": "-1", "action": "allow", "cidr": "0.0.0.0/0"},
            {"number": 32767, "egress": false, "protocol": "-1", "action": "deny", "cidr": "0.0.0.0/0"}
        ]'),
        'associations', coalesce((
            SELECT json_group_array(json_object(
                'id', replace(subnet.id, 'subnet-', 'aclassoc-'), 'subnet_id', subnet.id
            ))
            FROM ec2_network AS subnet
            WHERE subnet.kind = 'Subnet' AND json_extract(subnet.body, '$.vpc_id') = vpc.id
        ), json('[]'))
    )
FROM ec2_network AS vpc
WHERE vpc.kind = 'Vpc';

"""What whoever makes the stack has to be allowed: judged by the kinds of resource in every variant of the template."""

import json
from typing import Any

import pytest
from tests.aws.conftest import ACCOUNT, REGION, Team
from tests.aws.test_template import GOLDEN, SERVICES, VARIANTS

from culm import render
from culm.aws.administration import administrators_policy
from culm.aws.document import read
from culm.core.decide.policies import Ask, evaluate
from culm.core.decide.policy_documents import Policy, parse

MANAGED_POLICY_CHARACTERS = 6144
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
HERE = f"{REGION}:{ACCOUNT}"
IAM, ROLE, KEY = f"arn:aws:iam::{ACCOUNT}", f"arn:aws:iam::{ACCOUNT}:role", f"arn:aws:kms:{HERE}:key/0f1e2d3c"
ELB, EC2, RDS = (f"arn:aws:{service}:{HERE}" for service in ("elasticloadbalancing", "ec2", "rds"))
CACHE, ECR, LOGS = (f"arn:aws:{service}:{HERE}" for service in ("elasticache", "ecr", "logs"))
VAULT = f"arn:aws:s3:::culm-bamboo-{ACCOUNT}-{REGION}"
NEEDS: dict[str, dict[str, str]] = {
    "AutoScaling::AutoScalingGroup": {
        "autoscaling:CreateAutoScalingGroup": f"arn:aws:autoscaling:{HERE}:autoScalingGroup:1:autoScalingGroupName/x",
        "ec2:RunInstances": f"{EC2}:instance/*",
        "iam:PassRole": f"{ROLE}/bamboo.instances",
    },
    "CertificateManager::Certificate": {
        "acm:RequestCertificate": "*",
        "acm:DescribeCertificate": f"arn:aws:acm:{HERE}:certificate/1",
    },
    "EC2::InternetGateway": {"ec2:CreateInternetGateway": f"{EC2}:internet-gateway/*"},
    "EC2::LaunchTemplate": {"ec2:CreateLaunchTemplate": f"{EC2}:launch-template/*"},
    "EC2::Route": {"ec2:CreateRoute": f"{EC2}:route-table/rtb-1"},
    "EC2::RouteTable": {"ec2:CreateRouteTable": f"{EC2}:route-table/*"},
    "EC2::SecurityGroup": {"ec2:CreateSecurityGroup": f"{EC2}:security-group/*"},
    "EC2::SecurityGroupIngress": {"ec2:AuthorizeSecurityGroupIngress": f"{EC2}:security-group/sg-1"},
    "EC2::Subnet": {"ec2:CreateSubnet": f"{EC2}:subnet/*", "ec2:ModifySubnetAttribute": f"{EC2}:subnet/subnet-1"},
    "EC2::SubnetRouteTableAssociation": {"ec2:AssociateRouteTable": f"{EC2}:route-table/rtb-1"},
    "EC2::VPC": {"ec2:CreateVpc": f"{EC2}:vpc/*", "ec2:ModifyVpcAttribute": f"{EC2}:vpc/1", "ec2:CreateTags": "*"},
    "EC2::VPCGatewayAttachment": {"ec2:AttachInternetGateway": f"{EC2}:vpc/vpc-1"},
    "CloudWatch::Alarm": {"cloudwatch:PutMetricAlarm": f"arn:aws:cloudwatch:{HERE}:alarm:culm-bamboo-ErrorAlarm-1"},
    "Events::ApiDestination": {
        "events:CreateApiDestination": f"arn:aws:events:{HERE}:api-destination/culm-bamboo-Webhook-1",
        "events:DescribeApiDestination": f"arn:aws:events:{HERE}:api-destination/Webhook-1/2",
        "secretsmanager:GetSecretValue": f"arn:aws:secretsmanager:{HERE}:secret:bamboo/webhook-1a2b3c",
    },
    "Events::Connection": {
        "events:CreateConnection": f"arn:aws:events:{HERE}:connection/WebhookConnection-1",
        "secretsmanager:CreateSecret": f"arn:aws:secretsmanager:{HERE}:secret:events!connection/x",
        "iam:CreateServiceLinkedRole": f"{ROLE}/aws-service-role/apidestinations.events.amazonaws.com/x",
    },
    "Events::Rule": {
        "events:PutRule": f"arn:aws:events:{HERE}:rule/culm-bamboo-RuleAlarm-1",
        "events:PutTargets": f"arn:aws:events:{HERE}:rule/culm-bamboo-RuleAlarm-1",
        "iam:PassRole": f"{ROLE}/bamboo.messages",
    },
    "SNS::Topic": {
        "sns:CreateTopic": f"arn:aws:sns:{HERE}:bamboo-messages",
        "sns:Subscribe": f"arn:aws:sns:{HERE}:bamboo-messages",
    },
    "SNS::TopicPolicy": {"sns:SetTopicAttributes": f"arn:aws:sns:{HERE}:bamboo-messages"},
    "ECR::Repository": {
        "ecr:CreateRepository": f"{ECR}:repository/bamboo/web",
        "ecr:PutLifecyclePolicy": f"{ECR}:repository/bamboo/web",
    },
    "ECS::CapacityProvider": {
        "ecs:CreateCapacityProvider": f"arn:aws:ecs:{HERE}:capacity-provider/culm-bamboo-Draining-1a2b",
        "autoscaling:CreateOrUpdateTags": f"arn:aws:autoscaling:{HERE}:autoScalingGroup:1:autoScalingGroupName/x",
    },
    "ECS::ClusterCapacityProviderAssociations": {
        "ecs:PutClusterCapacityProviders": f"arn:aws:ecs:{HERE}:cluster/bamboo"
    },
    "ECS::Cluster": {"ecs:CreateCluster": f"arn:aws:ecs:{HERE}:cluster/bamboo"},
    "ElastiCache::ReplicationGroup": {
        "elasticache:CreateReplicationGroup": f"{CACHE}:replicationgroup:bamboo-cache",
        "iam:CreateServiceLinkedRole": f"{ROLE}/aws-service-role/elasticache.amazonaws.com/x",
    },
    "ElastiCache::SubnetGroup": {"elasticache:CreateCacheSubnetGroup": f"{CACHE}:subnetgroup:bamboo"},
    "ElastiCache::User": {"elasticache:CreateUser": f"{CACHE}:user:bamboo-a"},
    "ElastiCache::UserGroup": {"elasticache:CreateUserGroup": f"{CACHE}:usergroup:bamboo"},
    "ElasticLoadBalancingV2::Listener": {
        "elasticloadbalancing:CreateListener": f"{ELB}:loadbalancer/app/bamboo/1",
        "elasticloadbalancing:DeleteListener": f"{ELB}:listener/app/bamboo/1/2",
    },
    "ElasticLoadBalancingV2::ListenerRule": {
        "elasticloadbalancing:CreateRule": f"{ELB}:listener/app/bamboo/1/2",
        "elasticloadbalancing:DeleteRule": f"{ELB}:listener-rule/app/bamboo/1/2/3",
    },
    "ElasticLoadBalancingV2::TargetGroup": {
        "elasticloadbalancing:CreateTargetGroup": f"{ELB}:targetgroup/WAKE-bamboo/*",
        "elasticloadbalancing:RegisterTargets": f"{ELB}:targetgroup/WAKE-bamboo/1",
    },
    "Lambda::Function": {
        "lambda:CreateFunction": f"arn:aws:lambda:{HERE}:function:bamboo-wake",
        "iam:PassRole": f"{ROLE}/bamboo.wake",
    },
    "Lambda::Permission": {"lambda:AddPermission": f"arn:aws:lambda:{HERE}:function:bamboo-wake"},
    "Scheduler::Schedule": {
        "scheduler:CreateSchedule": f"arn:aws:scheduler:{HERE}:schedule/default/bamboo.wakes.OfWeb",
        "iam:PassRole": f"{ROLE}/bamboo.sleep",
    },
    "ElasticLoadBalancingV2::LoadBalancer": {
        "elasticloadbalancing:CreateLoadBalancer": f"{ELB}:loadbalancer/app/bamboo/*",
        "ec2:DescribeAccountAttributes": "*",
    },
    "IAM::InstanceProfile": {
        "iam:CreateInstanceProfile": f"{IAM}:instance-profile/culm-bamboo-InstanceProfile-1",
        "iam:AddRoleToInstanceProfile": f"{IAM}:instance-profile/culm-bamboo-InstanceProfile-1",
    },
    "IAM::ManagedPolicy": {"iam:CreatePolicy": f"{IAM}:policy/bamboo.tasks"},
    "IAM::Role": {
        "iam:CreateRole": f"{ROLE}/bamboo-web",
        "iam:PutRolePolicy": f"{ROLE}/bamboo.execution",
        "iam:PutRolePermissionsBoundary": f"{ROLE}/bamboo-web",
        "iam:AttachRolePolicy": f"{ROLE}/bamboo.instances",
    },
    "KMS::Alias": {"kms:CreateAlias": f"arn:aws:kms:{HERE}:alias/bamboo", "kms:DeleteAlias": KEY},
    "KMS::Key": {"kms:CreateKey": "*", "kms:PutKeyPolicy": KEY, "kms:ScheduleKeyDeletion": KEY},
    "Logs::LogGroup": {
        "logs:CreateLogGroup": f"{LOGS}:log-group:/culm/bamboo/web",
        "logs:PutRetentionPolicy": f"{LOGS}:log-group:/culm/bamboo.instances",
    },
    "RDS::DBInstance": {
        "rds:CreateDBInstance": f"{RDS}:db:bamboo-main",
        "rds:CreateDBSnapshot": f"{RDS}:snapshot:culm-bamboo-snapshot-1",
        "secretsmanager:CreateSecret": f"arn:aws:secretsmanager:{HERE}:secret:rds!db-1",
        "kms:DescribeKey": KEY,
    },
    "RDS::DBSubnetGroup": {"rds:CreateDBSubnetGroup": f"{RDS}:subgrp:culm-bamboo-databasesubnets-1"},
    "Route53::RecordSet": {
        "route53:ChangeResourceRecordSets": "arn:aws:route53:::hostedzone/Z0123456789ABCDEF",
        "route53:GetChange": "arn:aws:route53:::change/C1",
    },
    "S3::Bucket": {
        "s3:CreateBucket": VAULT,
        "s3:PutEncryptionConfiguration": VAULT,
        "s3:PutObject": f"arn:aws:s3:::culm-templates-{ACCOUNT}-{REGION}/x",
    },
    "S3::BucketPolicy": {"s3:PutBucketPolicy": VAULT},
    "ServiceDiscovery::HttpNamespace": {"servicediscovery:CreateHttpNamespace": "*"},
}
"""What CloudFormation calls for each kind of resource when it makes it, and more where that takes other rights.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html"""


def policy_of(team: Team) -> dict[str, Any]:
    around = render.Surroundings(
        env="stg",
        region=REGION,
        account=ACCOUNT,
        vault=render.vault_bucket(team.project.name, ACCOUNT, REGION),
        vpc="",
        subnets=(),
        port=0,
        instances="",
    )
    return administrators_policy(team.project, team.target().settings, around)


def may(policy: Policy, action: str, resource: str, tag: tuple[str, ...] = ("bamboo",)) -> bool:
    linked = resource.rpartition("/aws-service-role/")[2].partition("/")[0]
    context = {"aws:requestedregion": (REGION,), "iam:awsservicename": (linked,), "ssm:resourcetag/culm:project": tag}
    return evaluate(Ask(action=action, resource=resource, account=ACCOUNT, context=context), [policy]).allowed


@pytest.mark.parametrize("variant", sorted(VARIANTS.keys() - {"perf"}))
def test_who_administers_a_stack_may_make_every_kind_of_resource_in_it(variant: str, team: Team) -> None:
    team.writes(*VARIANTS[variant], services=SERVICES.get(variant, ""))
    document = policy_of(team)
    policy = parse(json.dumps(document))
    resources = read((GOLDEN / f"{variant}.yml").read_text())["Resources"]
    for kind in sorted({body["Type"].removeprefix("AWS::") for body in resources.values()}):
        for action, resource in NEEDS[kind].items():
            assert may(policy, action, resource), f"{kind}: {action} on {resource}"
    assert len(json.dumps(document, separators=(",", ":"))) < MANAGED_POLICY_CHARACTERS


def test_it_reaches_no_other_projects_roles_stacks_images_nor_another_region(team: Team) -> None:
    team.writes(*VARIANTS["ci"])
    policy = parse(json.dumps(policy_of(team)))
    assert may(policy, "cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{HERE}:stack/culm-bamboo/1")
    for action, resource in (
        ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{HERE}:stack/culm-payroll/1"),
        ("iam:CreateRole", f"{ROLE}/payroll-web"),
        ("iam:CreateUser", f"{IAM}:user/bamboo"),
        ("iam:CreateServiceLinkedRole", f"{ROLE}/aws-service-role/support.amazonaws.com/x"),
        ("ecr:DeleteRepository", f"{ECR}:repository/payroll/web"),
        ("s3:GetObject", f"arn:aws:s3:::culm-payroll-{ACCOUNT}-{REGION}/prd/web/database.url"),
    ):
        assert not may(policy, action, resource), f"{action} on {resource}"
    assert may(policy, "ssm:StartSession", f"{EC2}:instance/i-1")
    assert not may(policy, "ssm:StartSession", f"{EC2}:instance/i-1", ("payroll",))
    assert not may(policy, "ssm:StartSession", f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript")
    elsewhere = Ask(action="ec2:CreateVpc", account=ACCOUNT, context={"aws:requestedregion": ("eu-west-1",)})
    assert not evaluate(elsewhere, [policy]).allowed

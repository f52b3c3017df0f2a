"""`secrets` of containers: fetched with the execution role when they start, and to be seen nowhere else."""

import json

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/execution"
TRUST = {
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
}


@pytest.fixture
def stored(world):
    """A parameter, a secret, and a role that may read both."""
    cloud = world.cloud
    cloud.client("ssm").put_parameter(Name="/stg/key", Value="hunter2", Type="SecureString")
    arn = cloud.client("secretsmanager").create_secret(Name="db", SecretString='{"password": "hunter3"}')["ARN"]
    iam = cloud.client("iam")
    iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
    may = {
        "Effect": "Allow",
        "Action": ["ssm:GetParameters", "secretsmanager:GetSecretValue"],
        "Resource": ["arn:aws:ssm:*:*:parameter/stg/*", arn],
    }
    iam.put_role_policy(
        RoleName="execution", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may})
    )
    return arn


def register(world, *secrets, role=ROLE, **more):
    container = {
        "name": "web",
        "image": "web:1",
        "memory": 64,
        "secrets": [{"name": name, "valueFrom": where} for name, where in secrets],
    }
    given = {"executionRoleArn": role} if role else {}
    world.ecs.register_task_definition(family="web", containerDefinitions=[container | more], **given)


async def run(world):
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    return arn


async def test_a_container_starts_with_its_secrets_and_nobody_else_sees_them(world, stored):
    register(world, ("KEY", "/stg/key"), ("PASSWORD", f"{stored}:password::"), ("ALL", stored))
    arn = await run(world)

    [container] = await world.containers()
    environment = world.runtime.spec_of(container.name).environment
    assert (environment["KEY"], environment["PASSWORD"]) == ("hunter2", "hunter3")
    assert json.loads(environment["ALL"]) == {"password": "hunter3"}
    told = [
        world.task(arn),
        world.ecs.describe_task_definition(taskDefinition="web"),
        dict(container.labels),
        list(world.cloud.db.iterdump()),
    ]
    assert "hunter" not in json.dumps(told, default=str)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("/stg/none", "invalid parameters: /stg/none"),
        ("/prd/key", "is not authorized to perform: ssm:GetParameters on resource"),
        ("{arn}:colour::", "did not contain json key colour"),
        ("{arn}::AWSPENDING:", "Secrets Manager can't find the specified secret"),
        ("{arn}x", "is not authorized to perform: secretsmanager:GetSecretValue"),
    ],
)
async def test_a_task_whose_secret_cannot_be_had_says_which_and_does_not_start(world, stored, where, why):
    register(world, ("KEY", where.format(arn=stored)))
    arn = await run(world)

    task = world.task(arn)
    assert task["lastStatus"] == "STOPPED"
    reason = task["containers"][0]["reason"]
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert why in reason
    assert await world.containers() == []


def test_secrets_need_an_execution_role_and_names_of_their_own(world):
    with pytest.raises(ClientError, match="must also specify a value for 'executionRoleArn'"):
        register(world, ("KEY", "a"), role=None)
    with pytest.raises(ClientError, match=r"secret name must be unique.*'KEY'"):
        register(world, ("KEY", "a"), environment=[{"name": "KEY", "value": "b"}])

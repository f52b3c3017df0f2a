"""What ECS says of instances that cannot run a task, and what helps."""

import pytest

from culm.deploy.diagnoses import cure, unwell

PULL = "CannotPullContainerError: Error response from daemon:"


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("CannotStartContainerError: exec /app: exec format error", "another processor"),
        (f"{PULL} no matching manifest for linux/arm64/v8 in the manifest list entries", "another processor"),
        (f"{PULL} failed to register layer: write /usr/lib/x: no space left on device", "disk is full"),
        (f"{PULL} Get https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/: dial tcp 1.2.3.4:443: i/o timeout", "route"),
        (f"{PULL} pull access denied for web, repository does not exist or may require docker login", "execution role"),
        ("ECS was unable to assume the role 'arn:aws:iam::1:role/bamboo-web' that was provided", "the same command"),
        (
            "(service web) was unable to place a task because no container instance met all of its requirements. "
            "The closest matching (container-instance 0123) encountered error 'AGENT'.",
            "not connected",
        ),
        (
            "(service web) was unable to place a task because no container instance met all of its requirements. "
            "Reason: No Container Instances were found in your cluster.",
            "no instance has registered",
        ),
    ],
)
def test_each_ailment_has_its_cure(message: str, hint: str) -> None:
    assert hint in (cure(message) or "")


def test_what_is_the_services_own_fault_is_no_ailment() -> None:
    assert cure("Essential container in task exited") is None
    assert cure("OutOfMemoryError: Container killed due to memory usage") is None


def test_instances_that_take_no_tasks_are_named_with_why() -> None:
    arn = "arn:aws:ecs:us-east-1:1:container-instance/bamboo/0123"
    assert unwell(
        [
            {"ec2InstanceId": "i-1", "status": "ACTIVE", "agentConnected": True},
            {"ec2InstanceId": "i-2", "status": "ACTIVE", "agentConnected": False},
            {"containerInstanceArn": arn, "status": "DRAINING", "agentConnected": True},
            {"ec2InstanceId": "i-4", "status": "REGISTRATION_FAILED", "statusReason": "no ENI", "agentConnected": True},
        ]
    ) == [
        "instance i-2: its agent is disconnected",
        "instance 0123: DRAINING",
        "instance i-4: REGISTRATION_FAILED, no ENI",
    ]

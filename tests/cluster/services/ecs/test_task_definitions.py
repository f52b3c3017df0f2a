"""Task definitions, as SDK users see them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def web(**changed: Any) -> dict[str, Any]:
    return {"name": "web", "image": "web:1", "memory": 256, **changed}


def register(cloud: Any, family: str = "web", **changed: Any) -> dict[str, Any]:
    given = {"containerDefinitions": [web()], **changed}
    return cloud.client("ecs").register_task_definition(family=family, **given)["taskDefinition"]


def test_a_family_counts_its_revisions_up_and_fills_in_aws_s_defaults(cloud):
    first, second = register(cloud), register(cloud)
    assert (first["revision"], second["revision"]) == (1, 2)
    assert first["taskDefinitionArn"] == "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"
    assert first["status"] == "ACTIVE"
    assert first["compatibilities"] == ["EXTERNAL", "EC2"]
    container = first["containerDefinitions"][0]
    assert container["essential"] is True
    assert container["cpu"] == 0
    assert container["environment"] == container["mountPoints"] == container["portMappings"] == []
    assert not {"command", "entryPoint", "secrets"} & set(container)


def test_is_described_by_family_by_revision_and_by_arn(cloud):
    register(cloud)
    newest = register(cloud, tags=[{"key": "team", "value": "a"}])
    ecs = cloud.client("ecs")
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"] == newest
    assert ecs.describe_task_definition(taskDefinition="web:1")["taskDefinition"]["revision"] == 1
    by_arn = ecs.describe_task_definition(taskDefinition=newest["taskDefinitionArn"], include=["TAGS"])
    assert by_arn["taskDefinition"] == newest
    assert by_arn["tags"] == [{"key": "team", "value": "a"}]


def test_an_unknown_one_cannot_be_described(cloud):
    with pytest.raises(ClientError, match="Unable to describe task definition") as caught:
        cloud.client("ecs").describe_task_definition(taskDefinition="nothing")
    assert caught.value.response["Error"]["Code"] == "ClientException"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"family": "a b"}, "Family contains invalid characters"),
        ({"containerDefinitions": []}, "Container definitions should not be null or empty"),
        ({"containerDefinitions": [web(image="")]}, "Container.image should not be null or empty"),
        ({"containerDefinitions": [web(name="")]}, "Container.name should not be null or empty"),
        ({"containerDefinitions": [{"name": "a", "image": "b"}]}, "At least one of 'memory' or 'memoryReservation'"),
        ({"containerDefinitions": [web(memory=5)]}, "Must be at least 6"),
        ({"containerDefinitions": [web(memoryReservation=300)]}, "greater than or equal to"),
        ({"containerDefinitions": [web(essential=False)]}, "at least one essential container"),
        ({"containerDefinitions": [web(), web()]}, "unique names"),
        ({"containerDefinitions": [web(logConfiguration={"logDriver": "awslogs"})]}, "awslogs-group"),
        (
            {
                "containerDefinitions": [
                    web(
                        logConfiguration={
                            "logDriver": "awslogs",
                            "options": {"awslogs-group": "/a", "tag": "b", "c": ""},
                        }
                    )
                ]
            },
            "Log driver awslogs disallows options: c, tag",
        ),
        (
            {"containerDefinitions": [web(dependsOn=[{"containerName": "db", "condition": "START"}])]},
            "depends on unknown container 'db'",
        ),
        (
            {
                "containerDefinitions": [
                    web(dependsOn=[{"containerName": "b", "condition": "START"}]),
                    web(name="b", dependsOn=[{"containerName": "web", "condition": "START"}]),
                ]
            },
            "cycle",
        ),
        (
            {"containerDefinitions": [web(mountPoints=[{"sourceVolume": "x", "containerPath": "/x"}])]},
            "Unknown volume 'x'",
        ),
        ({"memory": "100"}, "exceeds 'memory' of the task"),
        ({"cpu": "half"}, "Invalid 'cpu' setting for task: 'half' is not a number of CPU units"),
        ({"cpu": "0.0001 vCPU"}, "not a whole number of CPU units"),
        ({"memory": "1 TB"}, "Invalid 'memory' setting for task: '1 TB' is not a number of MiB"),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "relative"}}]}, "must be an absolute path"),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "../../etc"}}]}, "must be an absolute path"),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "/data/../etc"}}]}, "without '..'"),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "/data\0"}}]}, "must be an absolute path"),
        ({"volumes": [{"name": "../v"}]}, "invalid characters"),
        (
            {
                "volumes": [{"name": "v"}],
                "containerDefinitions": [web(mountPoints=[{"sourceVolume": "v", "containerPath": "../x"}])],
            },
            "containerPath '../x' of container 'web'",
        ),
        ({"requiresCompatibilities": ["FARGATE"]}, "Fargate only supports network mode"),
        (
            {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "pidMode": "host"},
            "launch type do not support pidMode 'host'. The supported value for pidMode is 'task'",
        ),
        (
            {
                "networkMode": "host",
                "containerDefinitions": [web(portMappings=[{"containerPort": 80, "hostPort": 8080}])],
            },
            "must match",
        ),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(cloud, changed, message):
    with pytest.raises(ClientError, match=message) as caught:
        register(cloud, **changed)
    assert caught.value.response["Error"]["Code"] == "ClientException"


@pytest.mark.parametrize(
    "changed",
    [
        {"privileged": True},
        {"linuxParameters": {"sharedMemorySize": 64}},
        {"links": ["db"]},
        {"logConfiguration": {"logDriver": "splunk"}},
    ],
)
def test_what_would_change_its_behaviour_and_is_not_here_is_refused_by_name(cloud, changed):
    with pytest.raises(ClientError, match="culm does not support"):
        register(cloud, containerDefinitions=[web(**changed)])


def test_what_nobody_gave_is_not_shown_among_linux_parameters(cloud):
    registered = register(cloud, containerDefinitions=[web(linuxParameters={"initProcessEnabled": True})])
    assert registered["containerDefinitions"][0]["linuxParameters"] == {"initProcessEnabled": True}


def test_a_limit_that_there_is_not_is_refused(cloud):
    limit = {"name": "files", "softLimit": 1, "hardLimit": 1}
    with pytest.raises(ClientError, match="nofile") as caught:
        register(cloud, containerDefinitions=[web(ulimits=[limit])])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("cpu", "memory", "kept"),
    [
        (".25 vCPU", "0.5 GB", ("256", "512")),
        ("1 vCPU", "2GB", ("1024", "2048")),
        ("1vcpu", "1 gb", ("1024", "1024")),
        ("0.5 vCPU", "3072", ("512", "3072")),
        ("256", "512", ("256", "512")),
    ],
)
def test_sizes_of_a_task_are_kept_in_units_and_mebibytes(cloud, cpu, memory, kept):
    described = register(cloud, cpu=cpu, memory=memory)
    assert (described["cpu"], described["memory"]) == kept


def test_settings_of_the_kernel_and_shared_volumes_are_described_as_they_were_given(cloud):
    container = web(
        readonlyRootFilesystem=True,
        ulimits=[{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
        linuxParameters={"initProcessEnabled": True, "tmpfs": [{"containerPath": "/tmp", "size": 64}]},
        mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}],
    )
    shared = {
        "name": "data",
        "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"},
    }
    described = register(cloud, containerDefinitions=[container], volumes=[shared])
    [told] = described["containerDefinitions"]
    assert told.items() >= {key: container[key] for key in ("readonlyRootFilesystem", "ulimits")}.items()
    assert told["linuxParameters"]["initProcessEnabled"] is True
    assert told["linuxParameters"]["tmpfs"][0]["size"] == 64
    assert described["volumes"] == [shared]


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"scope": "task", "autoprovision": True}, "only valid for volumes with the scope 'shared'"),
        ({"scope": "shared", "driver": "rexray/ebs"}, "culm does not support"),
    ],
)
def test_volumes_that_are_not_served_are_refused(cloud, volume, why):
    with pytest.raises(ClientError, match=why):
        register(cloud, volumes=[{"name": "data", "dockerVolumeConfiguration": volume}])


def test_volumes_of_efs_are_described_with_their_root(cloud):
    given = {"fileSystemId": "fs-1", "transitEncryption": "ENABLED", "authorizationConfig": {"iam": "ENABLED"}}
    described = register(cloud, volumes=[{"name": "media", "efsVolumeConfiguration": given}])
    assert described["volumes"] == [{"name": "media", "efsVolumeConfiguration": {**given, "rootDirectory": "/"}}]
    assert {"ecs.capability.efs", "ecs.capability.efsAuth"} <= {
        each["name"] for each in described["requiresAttributes"]
    }


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"fileSystemId": "../other"}, "fileSystemId '../other' of volume 'media' is invalid"),
        ({"rootDirectory": "/a/../.."}, "must be absolute, without"),
        ({"rootDirectory": "/a", "authorizationConfig": {"accessPointId": "fsap-1"}}, "must be omitted or '/'"),
        ({"authorizationConfig": {"accessPointId": "a/b"}}, "accessPointId 'a/b' of volume"),
        ({"authorizationConfig": {"accessPointId": "fsap-1"}}, "transitEncryption of volume 'media' must be ENABLED"),
        ({"transitEncryptionPort": 2049}, "needs transitEncryption to be ENABLED"),
    ],
)
def test_mounts_that_efs_cannot_make_are_refused(cloud, volume, why):
    with pytest.raises(ClientError, match=why):
        register(cloud, volumes=[{"name": "media", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **volume}}])


def test_a_description_can_be_registered_again_as_tools_do(cloud):
    described = register(cloud, containerDefinitions=[web(portMappings=[{"containerPort": 80}])])
    keep = ("family", "containerDefinitions", "volumes", "placementConstraints", "networkMode")
    again = {key: described[key] for key in keep if key in described}
    again["containerDefinitions"][0] |= {"volumesFrom": [], "systemControls": [], "privileged": False}
    assert cloud.client("ecs").register_task_definition(**again)["taskDefinition"]["revision"] == 2


def test_lists_families_and_revisions_by_status(cloud):
    for family in ("b", "a", "a", "ab"):
        register(cloud, family)
    ecs = cloud.client("ecs")
    ecs.deregister_task_definition(taskDefinition="b:1")

    def names(**given: Any) -> list[str]:
        return [arn.rpartition("/")[2] for arn in ecs.list_task_definitions(**given)["taskDefinitionArns"]]

    assert names() == ["a:1", "a:2", "ab:1"]
    assert names(familyPrefix="a", sort="DESC") == ["a:2", "a:1"]
    assert names(status="INACTIVE") == ["b:1"]
    assert ecs.list_task_definition_families()["families"] == ["a", "ab", "b"]
    assert ecs.list_task_definition_families(status="ACTIVE", familyPrefix="a")["families"] == ["a", "ab"]
    assert ecs.list_task_definition_families(status="INACTIVE")["families"] == ["b"]


def test_only_deregistered_revisions_can_be_deleted_and_their_numbers_are_not_used_again(cloud):
    register(cloud)
    ecs = cloud.client("ecs")
    refused = ecs.delete_task_definitions(taskDefinitions=["web:1", "none:1"])
    assert "does not exist" in refused["failures"][1]["reason"]
    assert "still in ACTIVE status" in refused["failures"][0]["reason"]

    assert ecs.deregister_task_definition(taskDefinition="web:1")["taskDefinition"]["status"] == "INACTIVE"
    deleted = ecs.delete_task_definitions(taskDefinitions=["web:1"])["taskDefinitions"][0]
    assert deleted["status"] == "DELETE_IN_PROGRESS"
    assert register(cloud)["revision"] == 2


def test_a_mount_point_is_described_as_it_was_given(ecs):
    mounts = [
        {"sourceVolume": "data", "containerPath": "/a"},
        {"sourceVolume": "data", "containerPath": "/b", "readOnly": False},
        {"sourceVolume": "data", "containerPath": "/c", "readOnly": True},
    ]
    container = {"name": "web", "image": "web", "memory": 64, "mountPoints": mounts}
    answer = ecs.register_task_definition(family="web", containerDefinitions=[container], volumes=[{"name": "data"}])
    assert answer["taskDefinition"]["containerDefinitions"][0]["mountPoints"] == mounts

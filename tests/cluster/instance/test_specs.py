"""What the runtime is told of a container."""

from dataclasses import replace

import msgspec
import pytest

from culm.cluster.instance.ledger import fits
from culm.cluster.instance.machine import Machine
from culm.cluster.instance.runtime.interface import Mount, Port, Probe
from culm.cluster.instance.specs import (
    PAYLOAD,
    TASK_ARN,
    Launch,
    Surroundings,
    container_name,
    log_stream,
    spec,
    volume_source,
)
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.task_definitions import (
    DockerVolumeConfiguration,
    EfsAuthorizationConfig,
    EfsVolumeConfiguration,
    HealthCheck,
    HostVolume,
    LogConfiguration,
    MountPoint,
    PortMapping,
    Volume,
)

API = "http://127.0.0.1:4566"
FIRST = Launch(container_instance_arn="arn:instance")
AROUND = Surroundings(address="127.77.0.11", region="us-east-1", api=API, agent=API, volumes="/home/volumes")
WEB = ContainerPayload(
    name="web",
    image="127.0.0.1:4566/web@sha256:0",
    container_arn="c",
    memory=256,
    environment={"A": "b"},
    port_mappings=(PortMapping(container_port=80),),
    mount_points=(
        MountPoint(source_volume="data", container_path="/data"),
        MountPoint(source_volume="host", container_path="/host", read_only=True),
    ),
    health_check=HealthCheck(command=("CMD", "true"), interval=7),
)
TASK = TaskPayload(
    arn="arn:aws:ecs:us-east-1:000000000000:task/default/abc",
    desired_status="RUNNING",
    task_cluster_arn="arn:aws:ecs:us-east-1:000000000000:cluster/default",
    family="web",
    version="3",
    volumes=(Volume(name="data"), Volume(name="host", host=HostVolume(source_path="/srv"))),
    containers=(WEB,),
)


def test_a_shared_volume_is_one_folder_for_every_task_that_names_it():
    shared = Volume(name="bamboo-data", docker_volume_configuration=DockerVolumeConfiguration(scope="shared"))
    assert volume_source(TASK, shared, AROUND) == "/home/volumes/shared/bamboo-data"
    own = Volume(name="data", docker_volume_configuration=DockerVolumeConfiguration(scope="task"))
    assert volume_source(TASK, own, AROUND) == "/home/volumes/abc/data"


@pytest.mark.parametrize(
    ("efs", "folder"),
    [
        (EfsVolumeConfiguration(file_system_id="fs-1"), "fs-1"),
        (EfsVolumeConfiguration(file_system_id="fs-1", root_directory="/media/new"), "fs-1/media/new"),
        (
            EfsVolumeConfiguration(
                file_system_id="fs-1", authorization_config=EfsAuthorizationConfig(access_point_id="fsap-2")
            ),
            "fs-1/fsap-2",
        ),
    ],
)
def test_a_file_system_of_efs_is_a_folder_for_every_task_that_mounts_it(efs, folder):
    volume = Volume(name="any", efs_volume_configuration=efs)
    assert volume_source(TASK, volume, AROUND) == f"/home/volumes/efs/{folder}"


def test_a_container_is_named_labelled_and_published_as_the_agent_does_it():
    made = spec(TASK, WEB, AROUND, Launch(container_instance_arn="arn:instance", login=("AWS", "secret")))
    assert made.name == "ecs-web-3-web-abc"
    assert made.labels[TASK_ARN] == TASK.arn
    assert made.labels["com.amazonaws.ecs.cluster"] == "default"
    assert msgspec.json.decode(made.labels[PAYLOAD], type=TaskPayload) == TASK
    assert (made.memory, made.ports, made.address) == (256, (Port(container_port=80),), "127.77.0.11")
    assert made.probe is not None and made.probe.interval == 7
    assert made.registry_auth == ("AWS", "secret")


def test_containers_of_a_task_with_an_address_share_a_network_and_know_each_others_ports():
    api = replace(WEB, name="api", port_mappings=(PortMapping(container_port=9000, host_port=9000),))
    web = replace(WEB, port_mappings=(PortMapping(container_port=80, host_port=80),))
    task = replace(TASK, address="127.80.0.1", containers=(web, api))
    holds, joins = spec(task, web, AROUND, FIRST), spec(task, api, AROUND, replace(FIRST, network_of="ecs-web"))
    assert (holds.network_of, holds.peers) == (holds.name, (Port(container_port=9000, host_port=9000),))
    assert (joins.network_of, joins.peers) == ("ecs-web", (Port(container_port=80, host_port=80),))
    alone = spec(replace(task, address=""), web, AROUND, FIRST)
    assert (alone.network_of, alone.peers) == (None, ())


def test_the_hosts_processes_are_seen_by_all_containers_of_a_task_or_none():
    assert not spec(TASK, WEB, AROUND, FIRST).host_processes
    assert spec(replace(TASK, pid_mode="host"), WEB, AROUND, FIRST).host_processes


def test_a_health_check_is_probed_as_it_was_registered():
    check = HealthCheck(command=("CMD", "true"), interval=7, timeout=3, retries=4, start_period=20)
    assert spec(TASK, replace(WEB, health_check=check), AROUND, FIRST).probe == Probe(
        command=("CMD", "true"), interval=7, timeout=3, retries=4, start_period=20
    )
    at_once = spec(TASK, replace(WEB, health_check=replace(check, start_period=None)), AROUND, FIRST)
    assert at_once.probe is not None
    assert at_once.probe.start_period == 0


def test_a_health_check_that_is_none_or_switched_off_is_not_probed():
    switched_off = HealthCheck(command=("NONE",))
    assert spec(TASK, replace(WEB, health_check=switched_off), AROUND, FIRST).probe is None
    assert spec(TASK, replace(WEB, health_check=None), AROUND, FIRST).probe is None


def test_a_container_without_a_memory_limit_has_its_task_s():
    unlimited = replace(WEB, memory=None)
    assert spec(replace(TASK, memory=512), unlimited, AROUND, FIRST).memory == 512
    assert spec(replace(TASK, memory=512), WEB, AROUND, FIRST).memory == 256


def test_a_restart_is_a_container_of_its_own():
    assert spec(TASK, WEB, AROUND, replace(FIRST, attempt=2)).name == "ecs-web-3-web-abc-2"
    assert container_name(TASK, "web") == "ecs-web-3-web-abc", "the first attempt has no number"


def test_its_environment_leads_sdks_to_the_cluster_and_to_its_credentials():
    environment = spec(TASK, WEB, AROUND, replace(FIRST, credentials_path="/v2/credentials/0f0e")).environment
    assert environment["A"] == "b"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:4566"
    assert environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4566/v2/credentials/0f0e"
    assert environment["ECS_CONTAINER_METADATA_URI_V4"] == "http://127.0.0.1:4566/v4/abc-0365508689"


def test_where_the_agent_has_amazon_s_address_sdks_are_told_as_on_amazon():
    around = replace(AROUND, agent="http://169.254.170.2")
    environment = spec(TASK, WEB, around, replace(FIRST, credentials_path="/v2/credentials/0f0e")).environment
    assert environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] == "/v2/credentials/0f0e"
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in environment
    assert environment["ECS_CONTAINER_METADATA_URI_V4"] == "http://169.254.170.2/v4/abc-0365508689"


def test_a_volume_without_a_source_is_the_task_s_own():
    assert spec(TASK, WEB, AROUND, FIRST).mounts == (
        Mount(source="/home/volumes/abc/data", container_path="/data"),
        Mount(source="/srv", container_path="/host", read_only=True),
    )


def test_a_log_stream_is_prefix_container_and_task():
    options = {"awslogs-group": "/g", "awslogs-stream-prefix": "ecs"}
    container = ContainerPayload(
        name="web",
        image="x",
        container_arn="c",
        log_configuration=LogConfiguration(log_driver="awslogs", options=options),
    )
    assert log_stream(TASK, container, "id") == ("/g", "ecs/web/abc")
    assert log_stream(TASK, WEB, "id") is None
    elsewhere = replace(container, log_configuration=LogConfiguration(log_driver="json-file", options=options))
    assert log_stream(TASK, elsewhere, "id") is None
    without_prefix = LogConfiguration(log_driver="awslogs", options={"awslogs-group": "/g"})
    assert log_stream(TASK, replace(container, log_configuration=without_prefix), "id") == ("/g", "id")


def test_a_task_that_does_not_fit_waits():
    machine = Machine(cluster="default", ec2_instance_id="i-1", address="127.77.0.11", memory=512)
    fixed = ContainerPayload(
        name="a", image="x", container_arn="c", memory=10, port_mappings=(PortMapping(container_port=1, host_port=80),)
    )
    port = TaskPayload(arn="p", desired_status="RUNNING", containers=(fixed,))
    assert fits(TASK, [TASK], machine)
    assert not fits(TASK, [TASK, TASK], machine)
    assert not fits(port, [port], machine)

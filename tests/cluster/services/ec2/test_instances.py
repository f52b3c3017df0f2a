import pytest
from botocore.exceptions import ClientError

from culm.cluster.store import machines
from culm.cluster.store.machines import SimulatedMachine


@pytest.fixture
def ec2(cloud):
    for number in (1, 2):
        machine = SimulatedMachine(
            ec2_instance_id=f"i-{number}",
            cluster="bamboo",
            instance_type="t2.micro",
            address=f"127.77.0.1{number}",
            availability_zone=f"us-east-1{'ab'[number - 1]}",
        )
        machines.insert(cloud.db, machine)
    return cloud.client("ec2")


def test_the_simulated_machines_are_instances(ec2):
    instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]

    assert [i["InstanceId"] for i in instances] == ["i-1", "i-2"]
    assert [i["PrivateIpAddress"] for i in instances] == ["127.77.0.11", "127.77.0.12"]
    assert {i["InstanceType"] for i in instances} == {"t2.micro"}
    assert instances[1]["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert instances[1]["SubnetId"] == "subnet-0000000000000000b"


def test_instances_are_found_by_id_state_and_zone(ec2):
    zone = {"Name": "availability-zone", "Values": ["us-east-1a"]}
    running = {"Name": "instance-state-name", "Values": ["running"]}

    [found] = ec2.describe_instances(Filters=[zone, running])["Reservations"]
    assert found["Instances"][0]["InstanceId"] == "i-1"
    with pytest.raises(ClientError, match=r"InvalidInstanceID.NotFound"):
        ec2.describe_instances(InstanceIds=["i-3"])


def test_filters_that_tools_ask_by_are_served_and_others_refused_as_culm_s(ec2):
    def ids(name, *values):
        reservations = ec2.describe_instances(Filters=[{"Name": name, "Values": list(values)}])["Reservations"]
        return [each["InstanceId"] for reservation in reservations for each in reservation["Instances"]]

    assert ids("instance-type", "t2.*") == ["i-1", "i-2"]
    assert ids("ip-address", "127.77.0.12") == ["i-2"]
    assert ids("image-id", "ami-1") == []
    with pytest.raises(ClientError, match="The filter 'hypervisor' is invalid here: culm serves availability-zone, "):
        ids("hypervisor", "xen")

"""The cluster and its container instances: a launch template and an auto scaling group for each kind. Pure."""

import json
from typing import Any

from culm import render
from culm.aws.document import Att, Base64, Ref, Resources, Section, resource, tags
from culm.aws.load_balancer import EPHEMERAL
from culm.aws.network import Network
from culm.core.model.instance_types import INSTANCE_TYPES, InstanceType
from culm.project.project import Project, TargetSettings
from culm.project.sizes import Group

IMAGES = {
    "x86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "arm64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html"""
DISK_GIB = 30
"""No less than the image's own."""


def architecture(settings: TargetSettings) -> str:
    """Return the fleet's; `project.targets` refuses a fleet of two."""
    return INSTANCE_TYPES[settings.instances[0].instance_type].architecture


def image_parameter(settings: TargetSettings) -> str:
    """Name the parameter that holds the AMI: another one for each architecture, so that a change of it is looked up."""
    return "ImageArm64" if architecture(settings) == "arm64" else "Image"


def image() -> dict[str, Any]:
    """Render the AMI's parameter: an id, so that no update of the stack exchanges it by the way.

    CloudFormation resolves a parameter of an SSM type anew at each update:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    return {"Type": "AWS::EC2::Image::Id", "Description": "ECS image of the instances; culm aws refresh renews it"}


def section(project: Project, settings: TargetSettings, surroundings: render.Surroundings, network: Network) -> Section:
    """Return the cluster, and for each instance type a launch template and an Auto Scaling group."""
    calls = any(service.connected for service in project.services.values())
    resources: Resources = {
        "Cluster": resource(
            "ECS::Cluster",
            {
                "ClusterName": project.name,
                "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}],
                **({"ServiceConnectDefaults": {"Namespace": Att("Namespace.Arn")}} if calls else {}),
                "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in render.cluster_tags(surroundings)],
            },
        ),
        "InstanceSecurityGroup": resource(
            "EC2::SecurityGroup",
            {
                "GroupDescription": f"The instances of {project.name}",
                "VpcId": network.vpc,
                "SecurityGroupEgress": [
                    {"Description": "ECS, ECR, logs and the world", "IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
                ],
                "Tags": tags(Name=f"{project.name} instances"),
            },
        ),
        "FromLoadBalancer": resource(
            "EC2::SecurityGroupIngress",
            {
                "Description": "The load balancer, to the ports of tasks",
                "GroupId": Att("InstanceSecurityGroup.GroupId"),
                "IpProtocol": "tcp",
                "FromPort": EPHEMERAL[0],
                "ToPort": EPHEMERAL[1],
                "SourceSecurityGroupId": Att("LoadBalancerSecurityGroup.GroupId"),
            },
        ),
    }
    if calls:
        resources |= inner_calls(project)
    resources["AgentLogs"] = resource(
        "Logs::LogGroup",
        {"LogGroupName": render.instances_log_group(project.name), "RetentionInDays": settings.retention},
    )
    suffixes = (
        [str(number) for number in range(1, len(settings.instances) + 1)] if len(settings.instances) > 1 else [""]
    )
    for suffix, group in zip(suffixes, settings.instances, strict=True):
        resources[f"LaunchTemplate{suffix}"] = launch_template(project, settings, group)
        resources[f"Instances{suffix}"] = auto_scaling_group(project, settings, group, suffix, network)
        resources[f"Draining{suffix}"] = draining(suffix)
    resources["Drained"] = resource(
        "ECS::ClusterCapacityProviderAssociations",
        {
            "Cluster": Ref("Cluster"),
            "CapacityProviders": [Ref(f"Draining{suffix}") for suffix in suffixes],
            "DefaultCapacityProviderStrategy": [],
        },
    )
    return Section(
        title="Instances: they take tasks from the cluster, and requests from the load balancer alone.\n"
        "No SSH, no keys; instance metadata by session tokens, which containers cannot get.\n"
        "Whoever terminates one, ECS drains it first.",
        resources=resources,
    )


def inner_calls(project: Project) -> Resources:
    """Return the names by which services call each other, and their way from instance to instance. Neither has a price.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
    """
    return {
        "Namespace": resource(
            "ServiceDiscovery::HttpNamespace",
            {"Name": project.name, "Description": f"Calls between services of {project.name}"},
        ),
        "FromInstances": resource(
            "EC2::SecurityGroupIngress",
            {
                "Description": "Other instances, to the ports of tasks: services that call each other",
                "GroupId": Att("InstanceSecurityGroup.GroupId"),
                "IpProtocol": "tcp",
                "FromPort": EPHEMERAL[0],
                "ToPort": EPHEMERAL[1],
                "SourceSecurityGroupId": Att("InstanceSecurityGroup.GroupId"),
            },
        ),
    }


def launch_template(project: Project, settings: TargetSettings, group: Group) -> dict[str, Any]:
    """Return the template of one type's instances: image, role, disk, and what they tell ECS's agent."""
    kind = INSTANCE_TYPES[group.instance_type]
    data: dict[str, Any] = {
        "ImageId": Ref(image_parameter(settings)),
        "InstanceType": kind.name,
        "IamInstanceProfile": {"Arn": Att("InstanceProfile.Arn")},
        # a hop more would let containers in the bridge network ask for the instance's own keys
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "Monitoring": {"Enabled": False},
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "AssociatePublicIpAddress": not settings.private_subnets,
                "DeleteOnTermination": True,
                "Groups": [Att("InstanceSecurityGroup.GroupId")],
            }
        ],
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"VolumeSize": DISK_GIB, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True},
            }
        ],
        "TagSpecifications": [
            {"ResourceType": what, "Tags": tags(**{"Name": project.name, "culm:project": project.name})}
            for what in ("instance", "volume")
        ],
        "UserData": Base64(script(project, settings, kind)),
    }
    if kind.name.startswith("t"):  # T3 and T4g are unlimited by default, at $0.05 a surplus vCPU-hour
        data["CreditSpecification"] = {"CpuCredits": "standard"}
    return resource("EC2::LaunchTemplate", {"LaunchTemplateData": data})


def script(project: Project, settings: TargetSettings, kind: InstanceType) -> str:
    """Return the script by which an instance joins the cluster.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html
    """
    options = {
        "ECS_CLUSTER": "${Cluster}",
        "ECS_RESERVED_MEMORY": kind.reserved_memory,
        "ECS_ENABLE_TASK_IAM_ROLE": "true",
        "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE": "true",
        "ECS_AWSVPC_BLOCK_IMDS": "true",
        "ECS_IMAGE_CLEANUP_INTERVAL": "30m",
        "ECS_IMAGE_MINIMUM_CLEANUP_AGE": "1h",
        "ECS_NUM_IMAGES_DELETE_PER_CYCLE": 10,
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1h",
        "ECS_LOG_DRIVER": "awslogs",
        "ECS_LOG_OPTS": json.dumps(
            {"awslogs-group": "${AgentLogs}", "awslogs-region": "${AWS::Region}"}, separators=(",", ":")
        ),
        "ECS_LOGLEVEL_ON_INSTANCE": "info",
    }
    if settings.spot:
        options["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] = "true"
    lines = "\n".join(f"{name}={value}" for name, value in options.items())
    return f"#!/bin/sh\ncat >> /etc/ecs/ecs.config <<'END'\n{lines}\nEND\n"


def auto_scaling_group(
    project: Project, settings: TargetSettings, group: Group, suffix: str, network: Network
) -> dict[str, Any]:
    """Return the group that keeps `group.count` instances of one type, over the network's subnets."""
    template = {
        "LaunchTemplateId": Ref(f"LaunchTemplate{suffix}"),
        "Version": Att(f"LaunchTemplate{suffix}.LatestVersionNumber"),
    }
    properties: dict[str, Any] = {
        "VPCZoneIdentifier": network.instances,
        "MinSize": str(group.count),
        "MaxSize": str(group.count),
        "DesiredCapacity": str(group.count),
        "HealthCheckType": "EC2",
    }
    if settings.spot:
        properties["CapacityRebalance"] = True
        properties["MixedInstancesPolicy"] = {
            "InstancesDistribution": {
                "OnDemandBaseCapacity": 0,
                "OnDemandPercentageAboveBaseCapacity": 0,
                "SpotAllocationStrategy": "price-capacity-optimized",
            },
            "LaunchTemplate": {
                "LaunchTemplateSpecification": template,
                "Overrides": [{"InstanceType": group.instance_type}],
            },
        }
    else:
        properties["LaunchTemplate"] = template
    properties["Tags"] = [
        {"Key": "Name", "Value": project.name, "PropagateAtLaunch": True},
        # which ECS writes itself for a capacity provider, and an update of the stack would take away
        {"Key": "AmazonECSManaged", "Value": "true", "PropagateAtLaunch": True},
    ]
    # no UpdatePolicy: an update of the stack replaces no instance; `culm aws refresh` does, draining each one first
    depends = {"DependsOn": network.routed} if network.routed else {}
    return resource("AutoScaling::AutoScalingGroup", properties, **depends)


def draining(suffix: str) -> dict[str, Any]:
    """Return the capacity provider of a group, for its managed draining alone: counts are culm.yml's.

    ECS adds a lifecycle hook to the group, which waits until an instance is drained, whoever terminates it.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html
    """
    return resource(
        "ECS::CapacityProvider",
        {
            "AutoScalingGroupProvider": {
                "AutoScalingGroupArn": Ref(f"Instances{suffix}"),
                "ManagedDraining": "ENABLED",
                "ManagedScaling": {"Status": "DISABLED"},
                "ManagedTerminationProtection": "DISABLED",
            }
        },
    )

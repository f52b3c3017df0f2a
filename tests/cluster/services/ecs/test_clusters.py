"""Clusters, as SDK users see them."""

import pytest
from botocore.exceptions import ClientError


def test_is_created_once_and_described_with_what_was_asked_for(cloud):
    ecs = cloud.client("ecs")
    tags = [{"key": "team", "value": "a"}]
    created = ecs.create_cluster(clusterName="bamboo", tags=tags)["cluster"]
    assert created["clusterArn"] == "arn:aws:ecs:us-east-1:000000000000:cluster/bamboo"
    assert ecs.create_cluster(clusterName="bamboo")["cluster"]["clusterArn"] == created["clusterArn"]
    described = ecs.describe_clusters(clusters=["bamboo"], include=["TAGS", "SETTINGS", "STATISTICS"])["clusters"][0]
    assert described["status"] == "ACTIVE"
    assert described["tags"] == tags
    assert described["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert {"name": "runningEC2TasksCount", "value": "0"} in described["statistics"]


def test_an_unknown_one_is_a_failure_not_an_error(cloud):
    answer = cloud.client("ecs").describe_clusters(clusters=["nowhere"])
    assert answer["clusters"] == []
    assert answer["failures"][0]["reason"] == "MISSING"


def test_lists_the_active_ones(cloud):
    ecs = cloud.client("ecs")
    for name in ("b", "a", "c"):
        ecs.create_cluster(clusterName=name)
    ecs.delete_cluster(cluster="c")
    assert [arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]] == ["a", "b"]


def test_settings_can_be_changed(ecs):
    changed = ecs.update_cluster_settings(
        cluster="default", settings=[{"name": "containerInsights", "value": "enabled"}]
    )
    assert changed["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    with pytest.raises(ClientError, match="Invalid value for setting"):
        ecs.update_cluster_settings(cluster="default", settings=[{"name": "containerInsights", "value": "x"}])


def test_counts_what_is_there_and_cannot_be_deleted_with_it(ecs, add_instance, register):
    instance = add_instance()
    register()
    task = ecs.run_task(taskDefinition="web")["tasks"][0]
    ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=0)
    cluster = ecs.describe_clusters()["clusters"][0]
    assert cluster["registeredContainerInstancesCount"] == 1
    assert cluster["pendingTasksCount"] == 1
    assert cluster["activeServicesCount"] == 1

    with pytest.raises(ecs.exceptions.ClusterContainsContainerInstancesException):
        ecs.delete_cluster(cluster="default")
    ecs.deregister_container_instance(containerInstance=instance, force=True)
    assert ecs.describe_tasks(tasks=[task["taskArn"]])["tasks"][0]["lastStatus"] == "STOPPED"
    with pytest.raises(ecs.exceptions.ClusterContainsServicesException):
        ecs.delete_cluster(cluster="default")
    ecs.delete_service(service="web")
    assert ecs.delete_cluster(cluster="default")["cluster"]["status"] == "INACTIVE"
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        ecs.list_tasks()


def test_capacity_providers_are_named_before_a_cluster_uses_them(ecs):
    with pytest.raises(ClientError, match="was not found"):
        ecs.put_cluster_capacity_providers(
            cluster="default", capacityProviders=["fleet"], defaultCapacityProviderStrategy=[]
        )
    ecs.create_capacity_provider(name="fleet", autoScalingGroupProvider={"autoScalingGroupArn": "arn:aws:asg"})
    strategy = [{"capacityProvider": "fleet", "weight": 1}]
    cluster = ecs.put_cluster_capacity_providers(
        cluster="default", capacityProviders=["fleet"], defaultCapacityProviderStrategy=strategy
    )["cluster"]
    assert cluster["capacityProviders"] == ["fleet"]
    assert cluster["defaultCapacityProviderStrategy"][0]["capacityProvider"] == "fleet"
    with pytest.raises(ClientError, match="associated with a cluster"):
        ecs.delete_capacity_provider(capacityProvider="fleet")
    assert ecs.describe_capacity_providers(cluster="default")["capacityProviders"][0]["name"] == "fleet"

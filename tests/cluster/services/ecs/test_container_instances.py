"""Container instances, as SDK users and agents see them."""

import pytest
from botocore.exceptions import ClientError


def resource(resources, name):
    found = next(r for r in resources if r["name"] == name)
    return found.get("stringSetValue") or found["integerValue"]


def test_shows_what_is_registered_and_what_remains(ecs, add_instance, register):
    arn = add_instance()
    register(cpu=100, portMappings=[{"containerPort": 80, "hostPort": 8080}])
    ecs.run_task(taskDefinition="web")
    instance = ecs.describe_container_instances(containerInstances=[arn])["containerInstances"][0]
    assert resource(instance["registeredResources"], "MEMORY") == 995
    assert resource(instance["remainingResources"], "MEMORY") == 739
    assert resource(instance["remainingResources"], "CPU") == 924
    assert resource(instance["remainingResources"], "PORTS") == ["22", "8080", "51678"]
    assert (instance["status"], instance["agentConnected"], instance["pendingTasksCount"]) == ("ACTIVE", True, 1)


def test_is_found_by_the_query_language_and_by_status(ecs, add_instance):
    first, second = add_instance(zone="us-east-1a"), add_instance(zone="us-east-1b")

    def listed(**given):
        return ecs.list_container_instances(**given)["containerInstanceArns"]

    assert listed() == [first, second]
    assert listed(filter="attribute:ecs.availability-zone == us-east-1b") == [second]
    ecs.update_container_instances_state(containerInstances=[first], status="DRAINING")
    assert listed(status="DRAINING") == [first]
    with pytest.raises(ClientError, match="Invalid expression"):
        listed(filter="colour is red")


def test_custom_attributes_are_put_listed_matched_and_deleted(ecs, add_instance):
    arn = add_instance()
    attribute = {"name": "stack", "value": "blue", "targetId": arn}
    ecs.put_attributes(attributes=[attribute])
    listed = ecs.list_attributes(targetType="container-instance", attributeName="stack")["attributes"]
    assert listed == [attribute]
    assert ecs.list_container_instances(filter="attribute:stack == blue")["containerInstanceArns"] == [arn]
    ecs.delete_attributes(attributes=[{"name": "stack", "targetId": arn}])
    assert ecs.list_attributes(targetType="container-instance", attributeName="stack")["attributes"] == []
    with pytest.raises(ecs.exceptions.TargetNotFoundException):
        ecs.put_attributes(attributes=[{"name": "stack", "targetId": "nothing"}])


def test_with_tasks_on_it_only_force_deregisters_it(ecs, add_instance, register):
    arn = add_instance()
    register()
    ecs.run_task(taskDefinition="web")
    with pytest.raises(ClientError, match="Found running tasks on the instance"):
        ecs.deregister_container_instance(containerInstance=arn)
    gone = ecs.deregister_container_instance(containerInstance=arn, force=True)["containerInstance"]
    assert gone["status"] == "INACTIVE"
    assert ecs.list_container_instances()["containerInstanceArns"] == []


def test_nothing_is_placed_on_a_draining_one(ecs, add_instance, register):
    arn = add_instance()
    register()
    ecs.update_container_instances_state(containerInstances=[arn], status="DRAINING")
    assert ecs.run_task(taskDefinition="web")["tasks"] == []


def test_an_agent_from_outside_is_not_sent_where_nobody_answers_and_its_attributes_are_echoed(ecs):
    resources = [
        {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 995},
    ]
    attributes = [{"name": "ecs.os-type", "value": "linux"}, {"name": "ecs.capability.full-sync"}]
    instance = ecs.register_container_instance(totalResources=resources, attributes=attributes)["containerInstance"]
    assert instance["attributes"] == attributes
    with pytest.raises(ecs.exceptions.ClientException, match="does not serve other people's container agents"):
        ecs.discover_poll_endpoint()


def test_tags_of_every_kind_of_resource(cloud, ecs, add_instance, register):
    register()
    instance = add_instance()
    service = ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=0)["service"]["serviceArn"]
    task = ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/default"
    definition = "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"
    for arn in (instance, service, task, cluster, definition):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    with pytest.raises(ClientError, match="was not found"):
        ecs.list_tags_for_resource(resourceArn=service + "x")


def test_one_effective_account_setting_by_name_as_old_tools_need_it(ecs):
    settings = ecs.list_account_settings(effectiveSettings=True, name="taskLongArnFormat")["settings"]
    assert [(s["name"], s["value"]) for s in settings] == [("taskLongArnFormat", "enabled")]
    ecs.put_account_setting(name="containerInsights", value="enabled")
    assert ecs.list_account_settings()["settings"][0]["name"] == "containerInsights"
    ecs.delete_account_setting(name="containerInsights")
    assert ecs.list_account_settings()["settings"] == []
    with pytest.raises(ClientError, match="not supported for the setting"):
        ecs.put_account_setting(name="containerInsights", value="perhaps")

import pytest
from botocore.exceptions import ClientError

OF_SERVICE = {"cluster": "default", "service": "web"}


@pytest.fixture
def task_set(ecs, register):
    """Makes a task set of an EXTERNAL service that wants 3 tasks."""
    register()
    ecs.create_service(serviceName="web", desiredCount=3, deploymentController={"type": "EXTERNAL"})

    def make(**given):
        return ecs.create_task_set(**OF_SERVICE, taskDefinition="web", **given)["taskSet"]

    return make


def described(ecs, *names, **given):
    return ecs.describe_task_sets(**OF_SERVICE, taskSets=list(names), **given)


def test_a_task_set_wants_its_share_rounded_up(ecs, task_set):
    made = task_set(scale={"value": 50, "unit": "PERCENT"}, externalId="blue")
    assert made["taskSetArn"].endswith(f":task-set/default/web/{made['id']}")
    assert (made["computedDesiredCount"], made["status"], made["externalId"]) == (2, "ACTIVE", "blue")
    assert (made["launchType"], made["stabilityStatus"]) == ("EC2", "STABILIZING")
    ecs.update_task_set(**OF_SERVICE, taskSet=made["id"], scale={"value": 0, "unit": "PERCENT"})
    (shown,) = described(ecs, made["id"])["taskSets"]
    assert (shown["scale"]["value"], shown["computedDesiredCount"]) == (0, 0)
    with pytest.raises(ClientError, match="between 0 and 100"):
        task_set(scale={"value": 101, "unit": "PERCENT"})


def test_one_is_primary_and_the_service_is_described_by_it(ecs, register, task_set):
    first = task_set()
    register()
    second = ecs.create_task_set(**OF_SERVICE, taskDefinition="web:2")["taskSet"]
    for chosen, status in ((first, ["PRIMARY", "ACTIVE"]), (second, ["ACTIVE", "PRIMARY"])):
        ecs.update_service_primary_task_set(**OF_SERVICE, primaryTaskSet=chosen["taskSetArn"])
        (service,) = ecs.describe_services(services=["web"])["services"]
        assert [each["status"] for each in service["taskSets"]] == status
        assert service["taskDefinition"] == chosen["taskDefinition"]
        assert service["deploymentController"] == {"type": "EXTERNAL"}


def test_task_sets_are_no_services_of_their_own(ecs, task_set):
    task_set()
    assert [arn.rpartition("/")[2] for arn in ecs.list_services()["serviceArns"]] == ["web"]
    assert ecs.describe_clusters(clusters=["default"])["clusters"][0]["activeServicesCount"] == 1


def test_its_tags_are_its_own(ecs, task_set):
    made = task_set(tags=[{"key": "a", "value": "1"}])
    ecs.tag_resource(resourceArn=made["taskSetArn"], tags=[{"key": "b", "value": "2"}])
    assert "tags" not in described(ecs)["taskSets"][0]
    (shown,) = described(ecs, include=["TAGS"])["taskSets"]
    assert [tag["key"] for tag in shown["tags"]] == ["a", "b"]


def test_one_that_is_deleted_is_gone_with_its_last_task(ecs, task_set):
    made = task_set()
    short = "/".join(made["taskSetArn"].split("/")[-2:])
    gone = ecs.delete_task_set(**OF_SERVICE, taskSet=short)["taskSet"]
    assert (gone["taskSetArn"], gone["status"]) == (made["taskSetArn"], "DRAINING")
    assert described(ecs, short) | {"ResponseMetadata": None} == {
        "taskSets": [],
        "failures": [{"arn": made["taskSetArn"], "reason": "MISSING"}],
        "ResponseMetadata": None,
    }
    with pytest.raises(ecs.exceptions.TaskSetNotFoundException):
        ecs.delete_task_set(**OF_SERVICE, taskSet=short)


@pytest.mark.parametrize("given", [{"taskDefinition": "web"}, {"forceNewDeployment": True}, {"loadBalancers": []}])
def test_a_service_of_task_sets_is_changed_by_them(ecs, task_set, given):
    with pytest.raises(ClientError, match="on services with an EXTERNAL deployment controller"):
        ecs.update_service(service="web", **given)

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(cloud):
    return cloud.client("logs")


def refusal(do, **asked):
    with pytest.raises(ClientError) as refused:
        do(**asked)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("operation", "asked", "what"),
    [
        ("get_delivery", {"id": "a1"}, "Delivery"),
        ("delete_delivery_source", {"name": "a"}, "Delivery Source"),
        ("get_delivery_destination", {"name": "a"}, "Delivery Destination"),
        ("get_delivery_destination_policy", {"deliveryDestinationName": "a"}, "Delivery Destination"),
    ],
)
def test_a_delivery_is_missing_as_on_aws(logs, operation, asked, what):
    missing = "ResourceNotFoundException", f"Requested {what} does not exist in this account."
    assert refusal(getattr(logs, operation), **asked) == missing


def test_there_are_no_deliveries_destinations_or_export_tasks(logs):
    assert logs.describe_deliveries()["deliveries"] == []
    assert logs.describe_delivery_sources()["deliverySources"] == []
    assert logs.describe_delivery_destinations()["deliveryDestinations"] == []
    assert logs.describe_destinations(DestinationNamePrefix="a")["destinations"] == []
    assert logs.describe_export_tasks(taskId="a")["exportTasks"] == []
    assert refusal(logs.delete_destination, destinationName="a")[0] == "ResourceNotFoundException"
    assert refusal(logs.cancel_export_task, taskId="a")[1] == "The specified export task does not exist."


def test_what_would_make_one_is_refused_by_name(logs):
    asked = {"logGroupName": "g", "fromTime": 0, "to": 1, "destination": "bucket"}
    assert refusal(logs.create_export_task, **asked)[1] == "culm does not serve logs:CreateExportTask"

"""What a stack is otherwise than it should be."""

from culm.aws.difference import drifts, templates


def resources(**given: object) -> dict[str, object]:
    return {"Resources": given}


QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a", "Tags": [{"Key": "b", "Value": "c"}]}}


def test_equal_templates_have_no_differences() -> None:
    assert templates(resources(Queue=QUEUE), resources(Queue=QUEUE)) == []


def test_added_and_removed_resources_are_shown_whole() -> None:
    assert list(map(str, templates(resources(Queue=QUEUE), resources()))) == ["Queue: AWS::SQS::Queue, live None"]
    assert list(map(str, templates(resources(), resources(Queue=QUEUE)))) == ["Queue: None, live AWS::SQS::Queue"]


def test_a_changed_property_is_named_by_its_path() -> None:
    other = {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "b", "Value": "d" * 80}], "FifoQueue": True}}
    assert list(map(str, templates(resources(Queue=QUEUE), resources(Queue=other)))) == [
        "Queue QueueName: a, live None",
        f"Queue Tags.0.Value: c, live {'d' * 57}...",
        "Queue FifoQueue: None, live True",
    ]
    longer = {**QUEUE, "Properties": {**QUEUE["Properties"], "Tags": []}}  # type: ignore[dict-item]
    assert list(map(str, templates(resources(Queue=longer), resources(Queue=QUEUE)))) == [
        "Queue Tags: [], live [{'Key': 'b', 'Value': 'c'}]"
    ]


def test_a_number_differs_from_the_same_text() -> None:
    one, other = ({"Parameters": {"A": {"Default": value}}} for value in (1, "1"))
    assert [difference.field for difference in templates(one, other)] == ["Default"]


def test_actions_by_hand_are_never_undone_automatically() -> None:
    change = {"PropertyPath": "/Tags/0/Value", "ExpectedValue": "c", "ActualValue": "d", "DifferenceType": "NOT_EQUAL"}
    found = drifts(
        [
            {
                "LogicalResourceId": "Queue",
                "StackResourceDriftStatus": "MODIFIED",
                "PropertyDifferences": [change, {"PropertyPath": "/Policy", "ActualValue": "{}"}],
            },
            {"LogicalResourceId": "Logs", "StackResourceDriftStatus": "DELETED"},
        ]
    )
    assert list(map(str, found)) == [
        "Queue Tags.0.Value: c, live d",
        "Queue Policy: None, live {}",
        "Logs: there, live None",
    ]
    assert {difference.wins for difference in found} == {"live"}

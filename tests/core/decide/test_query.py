import pytest
from tests.builders import an_instance

from culm.core.decide import query
from culm.core.decide.ledger import Need, Node


@pytest.fixture
def node() -> Node:
    node = Node(
        an_instance(
            "i-abcd1234",
            registered_at=1_518_480_000.0,  # 2018-02-13T00:00:00Z
            agent_version="1.14.5",
            attributes={
                "ecs.instance-type": "t2.small",
                "ecs.availability-zone": "us-east-1a",
                "rank": "10",
                "gpu": None,
            },
        ),
        0,
    )
    node.take(Need(), "service:production", runs=True)
    node.take(Need(), "family:batch")
    return node


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.instance-type == t2.small",
        "attribute:ecs.instance-type equals t2.small",
        "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
        "attribute:ecs.availability-zone in [us-east-1a]",
        "attribute:ecs.instance-type =~ t2.* and attribute:ecs.availability-zone != us-east-1d",
        "attribute:ecs.instance-type =~ t2.*&&attribute:ecs.availability-zone!=us-east-1d",
        "attribute:ecs.instance-type =~ [a-t]2[.]small",
        "attribute:ecs.instance-type !~ g2.*",
        "attribute:ecs.instance-type not_matches t2",
        "attribute:gpu exists",
        "attribute:gpu == ''",
        "attribute:absent !exists",
        "attribute:absent not_exists",
        "attribute:absent != anything",
        "attribute:absent !in [a, b]",
        "attribute:rank > 9",
        "attribute:rank < 9a",
        "task:group == service:production",
        "task:group =~ service:.*",
        "task:group in [service:production, service:staging]",
        "not(task:group == database)",
        "task:group != database",
        "!(task:group == database)",
        "runningTasksCount == 1",
        "runningTasksCount less_than 5 or runningTasksCount > 10",
        "runningTasksCount >= 1 && runningTasksCount <= 1",
        "agentVersion < 1.14.10",
        "agentVersion >= 1.14.5",
        "agentVersion != 1.2",
        "registeredAt == 2018-02-13",
        "registeredAt > 2018-02-12T23:59:59",
        "registeredAt less_than_equal 2018-02-13T00:00:00Z",
        "registeredAt < 2018-02-13T00:00:00-01:00",
        "ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']",
        'ec2InstanceId == "i-abcd1234"',
        "agentConnected == true",
        "(runningTasksCount > 5 or agentConnected == true) and attribute:rank exists",
        "runningTasksCount > 5 and agentConnected == true or attribute:rank exists",
    ],
)
def test_selects(node, expression):
    assert query.matches(expression, node)


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.instance-type =~ t2",  # a pattern covers the whole value, as Java's matches() does
        "attribute:ecs.instance-type == T2.small",
        "attribute:absent == anything",
        "attribute:absent > 1",
        "attribute:absent =~ .*",
        "task:group == service:prod",
        "task:group != service:production",
        "runningTasksCount > 5 and (agentConnected == true or attribute:rank exists)",
        "not agentConnected == true",
        "!!(runningTasksCount > 5)",
        "agentVersion < 1.14.5",
        "agentVersion greater_than 1.14.5",
    ],
)
def test_leaves_out(node, expression):
    assert not query.matches(expression, node)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("colour == red", "Unknown subject colour"),
        ("attribute: == red", "Unknown subject attribute:"),
        ("== red", "expected a subject"),
        ("runningTasksCount =~ 1", "Operator =~ after runningTasksCount"),
        ("ec2InstanceId exists", "Operator exists after ec2InstanceId"),
        ("agentVersion", "Operator missing after agentVersion"),
        ("runningTasksCount == many", "'many' is not a number"),
        ("registeredAt > yesterday", "'yesterday' is not a date"),
        ("ec2InstanceId in i-1", "expected a list in"),
        ("ec2InstanceId in [i-1", "expected , or ]"),
        ("ec2InstanceId in []", "expected an argument"),
        ("ec2InstanceId ==", "expected an argument at character 17, found 'the end'"),
        ("ec2InstanceId =~ i-[", "unterminated character set"),
        ("ec2InstanceId == i-1 i-2", "expected && or || or the end at character 21, found 'i-2'"),
        ("(ec2InstanceId == i-1", r"expected \)"),
        ("attribute:a =~ t2.(micro|small)", "expected && or"),  # AWS: a single expression can't contain parentheses
    ],
)
def test_a_query_error_names_the_mistake_and_its_position(node, expression, complaint):
    with pytest.raises(query.QueryError, match=complaint):
        query.matches(expression, node)


def test_a_bare_word_may_follow_an_attribute_that_holds_a_dash(node):
    assert query.matches("attribute:ecs.availability-zone==us-east-1a", node)


def test_expressions_about_tasks_are_recognised():
    assert query.counts_tasks("attribute:a exists and task:group == web")
    assert query.counts_tasks("runningTasksCount < 2")
    assert not query.counts_tasks("attribute:a == task")

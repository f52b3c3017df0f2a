import pytest
from tests.builders import a_deployment, a_service

from culm.core.decide.validation import dead_configuration


@pytest.mark.parametrize(
    ("desired", "percents", "dead"),
    [
        (2, (75, 100), True),
        (3, (100, 125), True),
        (1, (100, 100), True),
        (1, (1, 100), True),
        (1, (0, 100), False),
        (1, (100, 200), False),
        (4, (75, 100), False),
        (4, (100, 125), False),
        (0, (100, 100), False),
    ],
)
def test_percentages_are_dead_when_rounding_leaves_no_task_to_move(desired, percents, dead):
    assert (dead_configuration(a_service(desired=desired, percents=percents)) is not None) is dead


def test_a_dead_configuration_names_the_rounded_limits():
    assert dead_configuration(a_service(desired=2, percents=(75, 100))) == (
        "minimumHealthyPercent 75 of 2 rounds up to 2 and maximumPercent 100 of 2 rounds down to 2: "
        "no task may be stopped and none started, so no deployment can ever finish"
    )


def test_a_daemon_s_percentages_count_its_instances():
    web = a_service("web", a_deployment(desired_count=2), desired=0, percents=(75, 100), scheduling_strategy="DAEMON")
    assert dead_configuration(web)

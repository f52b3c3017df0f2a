"""The quotas of AWS that a project meets first."""

from culm.plan.quotas import quotas


def test_quotas_are_counted_and_the_fullest_comes_first() -> None:
    counted = quotas(services=30, most_tasks=10, tasks=40, fleet={"t3a.small": 2, "t3a.medium": 1})
    assert [(quota.name, quota.used, quota.limit) for quota in counted] == [
        ("on-demand vCPUs of a new account", 6, 5),
        ("rules of one ALB", 30, 100),
        ("target groups of one ALB", 30, 100),
        ("targets of one ALB", 40, 1000),
        ("tasks of one ECS service", 10, 5000),
        ("instances of one ECS cluster", 3, 5000),
    ]


def test_only_the_target_groups_of_a_load_balancer_cannot_be_raised() -> None:
    counted = quotas(services=1, most_tasks=1, tasks=1, fleet={})
    assert [quota.name for quota in counted if not quota.adjustable] == ["target groups of one ALB"]

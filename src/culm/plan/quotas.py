"""AWS's default quotas that a project grows into, and how much of each a plan uses.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html
"""

from collections.abc import Mapping

from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record


@record
class Quota:
    name: str
    limit: int
    adjustable: bool
    used: int

    @property
    def share(self) -> float:
        return self.used / self.limit


TARGET_GROUPS = 100
"""Of one ALB; AWS does not raise it."""
RULES = 100
"""Of one ALB, not counting its default; AWS raises it when asked."""


def quotas(*, services: int, most_tasks: int, tasks: int, fleet: Mapping[str, int]) -> list[Quota]:
    """Return the fullest first. `most_tasks` are those of the largest service, `fleet` numbers by instance type."""
    vcpus = sum(INSTANCE_TYPES[name].vcpus * number for name, number in fleet.items())
    exceeded = [
        Quota(name="rules of one ALB", limit=RULES, adjustable=True, used=services),
        Quota(name="target groups of one ALB", limit=TARGET_GROUPS, adjustable=False, used=services),
        Quota(name="targets of one ALB", limit=1000, adjustable=True, used=tasks),
        Quota(name="tasks of one ECS service", limit=5000, adjustable=True, used=most_tasks),
        Quota(name="instances of one ECS cluster", limit=5000, adjustable=True, used=sum(fleet.values())),
        Quota(name="on-demand vCPUs of a new account", limit=5, adjustable=True, used=vcpus),
    ]
    return sorted(exceeded, key=lambda quota: -quota.share)

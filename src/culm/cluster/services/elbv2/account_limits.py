"""Quotas, as this cluster holds them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""

from typing import Any

from culm.cluster.services.elbv2.targets import TARGETS_PER_GROUP
from culm.cluster.wire.operations import Call, operation
from culm.core.decide import listener_rules
from culm.core.model.record import record

LIMITS = {
    "targets-per-target-group": TARGETS_PER_GROUP,
    "rules-per-application-load-balancer": listener_rules.RULES_PER_LOAD_BALANCER,
    "condition-values-per-alb-rule": listener_rules.VALUES_PER_RULE,
    "condition-wildcards-per-alb-rule": listener_rules.WILDCARDS_PER_RULE,
    "target-groups-per-action-on-application-load-balancer": listener_rules.GROUPS_PER_ACTION,
}


@record
class DescribeAccountLimitsInput:
    pass


@operation("elbv2", "DescribeAccountLimits")
def describe_account_limits(call: Call, req: DescribeAccountLimitsInput) -> dict[str, Any]:
    return {"limits": [{"name": name, "max": str(limit)} for name, limit in LIMITS.items()]}

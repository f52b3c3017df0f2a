"""ARNs of load balancing resources, and finding what they name."""

from typing import TypeVar

from culm.cluster.store.elbv2 import listeners, load_balancers, rules, target_groups
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn, resource
from culm.core.model.load_balancers import Listener, LoadBalancer, Rule, TargetGroup
from culm.errors import AwsError

T = TypeVar("T")


def load_balancer_arn(call: Call, name: str) -> str:
    """Return a new ARN for a load balancer of this name."""
    return _arn(call, f"loadbalancer/app/{name}/{call.new_id()[:16]}")


def listener_arn(call: Call, parent: LoadBalancer) -> str:
    """Return a new ARN below that of the load balancer."""
    return _below(call, parent.load_balancer_arn, "listener")


def rule_arn(call: Call, parent: Listener) -> str:
    """Return a new ARN below that of the listener."""
    return _below(call, parent.listener_arn, "listener-rule")


def target_group_arn(call: Call, name: str) -> str:
    """Return a new ARN for a target group of this name."""
    return _arn(call, f"targetgroup/{name}/{call.new_id()[:16]}")


def find_load_balancer(call: Call, reference: str) -> LoadBalancer:
    """Return the load balancer of this ARN. Raises LoadBalancerNotFound."""
    return _existing(
        load_balancers.find(call.db, reference), "LoadBalancerNotFound", f"Load balancer '{reference}' not found"
    )


def find_listener(call: Call, reference: str) -> Listener:
    """Return the listener of this ARN. Raises ListenerNotFound."""
    return _existing(listeners.find(call.db, reference), "ListenerNotFound", f"Listener '{reference}' not found")


def find_rule(call: Call, reference: str) -> Rule:
    """Return the rule of this ARN. Raises RuleNotFound."""
    return _existing(rules.find(call.db, reference), "RuleNotFound", f"Rule '{reference}' not found")


def find_target_group(call: Call, reference: str) -> TargetGroup:
    """Return the target group of this ARN. Raises TargetGroupNotFound."""
    return _existing(
        target_groups.find(call.db, reference), "TargetGroupNotFound", f"Target group '{reference}' not found"
    )


def _existing(resource: T | None, code: str, message: str) -> T:
    if resource is None:
        raise AwsError(code, message)
    return resource


def _below(call: Call, parent: str, kind: str) -> str:
    """`loadbalancer/app/web/1` has `listener/app/web/1/2`, which has `listener-rule/app/web/1/2/3`."""
    return _arn(call, f"{kind}/{resource(parent).split('/', 1)[1]}/{call.new_id()[:16]}")


def _arn(call: Call, name: str) -> str:
    return arn("elasticloadbalancing", call.region, call.account, name)

"""Ways between two templates that one update cannot go. Pure.

CloudFormation creates and changes resources in the order of their dependencies, and deletes what a template no longer
has only when all of that is done. So a listener cannot move to a port that another one leaves in the same update: the
load balancer refuses a second listener on a port.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html (DuplicateListener)

Example: `domain:` is taken out of culm.yml. Before: Listener on 443, RedirectListener on 80. After: Listener on 80.
In one update Listener would move to 80 while RedirectListener is still there. So a first update deletes
RedirectListener alone, and the second one moves Listener.
"""

from collections.abc import Mapping
from typing import Any

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"


def first_update(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the template to go through before `wanted`: `live` without the listeners that are in the way.

    Both are templates as `document.read` gives them. None when `wanted` can be reached in one update.
    """
    before, after = _ports(live), _ports(wanted)
    moving = {port for name, port in after.items() if before.get(name) != port}
    leaving = {name for name, port in before.items() if name not in after and port in moving}
    if not leaving:
        return None
    resources = {name: body for name, body in live["Resources"].items() if name not in leaving}
    return {**live, "Resources": resources}


def impossible(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Return the key of a target that a living stack cannot follow, and why; None when there is none.

    CloudFormation would make a second network or load balancer first, whose name or addresses are taken still.
    """
    for name, member, why in (
        ("Network", "CidrBlock", "cidr: a network keeps its addresses"),
        ("LoadBalancer", "Scheme", "internal: a load balancer keeps its kind of addresses"),
        ("LoadBalancerSecurityGroup", "VpcId", "vpc: a stack stays in its network"),
    ):
        before, after = (_property(each, name, member) for each in (live, wanted))
        # what is not written out is a parameter or a resource of the stack: `facts.parameter_values` compares those
        if isinstance(before, str) and isinstance(after, str) and before != after:
            return why
    return None


def _property(template: Mapping[str, Any], name: str, member: str) -> Any:
    return template["Resources"].get(name, {}).get("Properties", {}).get(member)


def _ports(template: Mapping[str, Any]) -> dict[str, int]:
    """Return logical ids of listeners, and their ports."""
    listeners = {name: body for name, body in template["Resources"].items() if body["Type"] == LISTENER}
    return {name: int(body["Properties"]["Port"]) for name, body in listeners.items()}

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


def _ports(template: Mapping[str, Any]) -> dict[str, int]:
    """Return logical ids of listeners, and their ports."""
    listeners = {name: body for name, body in template["Resources"].items() if body["Type"] == LISTENER}
    return {name: int(body["Properties"]["Port"]) for name, body in listeners.items()}

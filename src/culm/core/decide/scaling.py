"""Target tracking: how many tasks keep a metric at its target. Pure; the caller has the clock and the metrics.

    above the target for OUT_MINUTES          scale out, to what would bring it to the target
    below IN_SHARE of it for IN_MINUTES       scale in, to the fewest that would keep it at or below the target
    anything else                             as it is

A scale-in reckons with the busiest of its minutes, so that the same load does not scale out again: 4 tasks at 30, 20
and 30 % of CPU with a target of 60 have the load of 2 at 60, and become 2. Amazon's rule is the same one, with three
minutes out and fifteen in.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
from collections.abc import Sequence

from culm.core.model.record import record
from culm.core.model.scaling import ScalableTarget, TargetTracking

OUT_MINUTES, IN_MINUTES = 1, 3
IN_SHARE = 0.9


@record
class Tracked:
    """A policy, and its metric in the last complete minutes without a gap, oldest first."""

    tracking: TargetTracking
    values: Sequence[float]


def desired(
    target: ScalableTarget, policies: Sequence[Tracked], count: int, now: float, *, deploying: bool = False
) -> int:
    """Return how many tasks the service should have, `count` where nothing is to change.

    Out if one policy says so, in only if all agree; never while a deployment is under way, nor within a cooldown. A
    service at 0 stays there: somebody has stopped it.
    """
    if count == 0 or not policies:
        return count
    outs = [wanted for each in policies if (wanted := _out(each, target, count, now)) is not None]
    if outs:
        return min(max(outs), max(target.max_capacity, count))
    ins = [_in(each, target, count, now) for each in policies]
    if deploying or any(wanted is None for wanted in ins):
        return count
    least = max(wanted for wanted in ins if wanted is not None)
    return max(least, min(target.min_capacity, count))


def _out(policy: Tracked, target: ScalableTarget, count: int, now: float) -> int | None:
    """Return the count that a policy scales out to; None: it does not."""
    tracking, recent = policy.tracking, policy.values[-OUT_MINUTES:]
    if len(recent) < OUT_MINUTES or min(recent) <= tracking.target_value:
        return None
    if now - target.scaled_out_at < tracking.scale_out_cooldown:
        return None
    return math.ceil(count * recent[-1] / tracking.target_value)


def _in(policy: Tracked, target: ScalableTarget, count: int, now: float) -> int | None:
    """Return the count that a policy scales in to; None: it does not."""
    tracking, recent = policy.tracking, policy.values[-IN_MINUTES:]
    if tracking.disable_scale_in or len(recent) < IN_MINUTES or max(recent) >= IN_SHARE * tracking.target_value:
        return None
    if now - max(target.scaled_in_at, target.scaled_out_at) < tracking.scale_in_cooldown:
        return None
    fewer = max(1, math.ceil(count * max(recent) / tracking.target_value))
    return fewer if fewer < count else None

"""Automatic scaling: its bounds and policies; a count that lies in the range is nobody's difference. Pure."""

from collections.abc import Iterator
from typing import Any

from culm import render
from culm.operate.drift.rows import Row, leftover, members, missing
from culm.plan import scaling
from culm.plan.observed import Described, Observed
from culm.project.project import Project, Service
from culm.render.scaling import resource


def of_service(project: Project, service: Service, live: Observed) -> Iterator[Row]:
    """Return what `up` would change about a service's scaling, and what was changed by hand."""
    what = f"scaling of {service.name}"
    target = live.scalable_targets.get(service.name)
    policy = scaling.own_policy(project, service, live)
    if service.scaling is None:
        if target is not None:
            yield Row(what=what, field="", wanted=None, live=scaling.described(target, policy), wins="culm.yml")
        return
    if target is None:
        yield missing(what)
        return
    bounds = render.scalable_target(project, service, service.scaling)
    yield from members(what, without_names(project, service, bounds), target, "culm.yml")
    wanted = scaling.wanted_policy(project, service, service.scaling, live)
    if policy is None:
        yield missing(f"scaling policy {wanted['PolicyName']}")
    elif not scaling.same_policy(wanted, policy):
        yield from members(what, without_names(project, service, wanted), policy, "culm.yml")
    suspended: Described = target.get("SuspendedState") or {}
    for key in sorted(key for key, on in suspended.items() if on):
        yield Row(what=what, field=f"SuspendedState.{key}", wanted="false", live="true", wins="live")
    others = (each["PolicyName"] for each in live.scaling_policies.get(service.name, ()) if each is not policy)
    yield from (leftover(f"scaling policy {name} of {service.name}") for name in others)


def others(project: Project, live: Observed) -> Iterator[Row]:
    """Return scaling of services that culm.yml does not name."""
    for name, target in live.scalable_targets.items():
        if name not in project.services:
            yield leftover(f"scaling of {name}", f"{target['MinCapacity']}-{target['MaxCapacity']}")


def without_names(project: Project, service: Service, given: render.Input) -> dict[str, Any]:
    """Return an input without the members that name the service, which never differ."""
    return {key: value for key, value in given.items() if key not in resource(project.name, service.name)}

"""After a roll that failed: back to the version before it, by itself where no migration lies between."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from culm.deploy import wait
from culm.deploy.revisions import name, number
from culm.errors import CulmError
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.polling import intervals

SECONDS = 60.0
"""How long ECS may take to begin."""


STAYS = (
    "Its migration has run, and nothing undoes that: the version before it would meet the newer schema, "
    "so nothing goes back by itself."
)


def is_good(found: Mapping[str, Any] | None) -> bool:
    """Whether what is live now is what ECS would go back to: its last deployment that completed."""
    return any(
        d["status"] == "PRIMARY" and d.get("rolloutState") == "COMPLETED" for d in (found or {}).get("deployments", ())
    )


def by_hand(one: Service, found: Mapping[str, Any] | None, *, migrated: bool) -> str:
    """What to try where nothing goes back by itself; empty for a service that is new."""
    if found is None:
        return ""
    if migrated:
        command = f"culm rollback {one.name} {number(found['taskDefinition'])} --across-migration"
        return f"if the version before it copes with the newer schema: {command}"
    return f"go back to the version before it: culm rollback {one.name}"


def went_back(
    target: Target,
    project: Project,
    one: Service,
    revision: str,
    progress: Callable[[str], None],
    failure: CulmError,
) -> CulmError:
    """Wait until the version before `revision` is steady again: the failure, and what became of it."""
    try:
        serves = _began(target, project, one, revision, progress)
        wait.until_steady(target, project, one, progress, fresh=False)
    except CulmError as error:
        hint = f"{failure.hint}; or by hand: culm rollback {one.name}" if failure.hint else f"culm rollback {one.name}"
        return CulmError(f"{failure.what}\nIt did not go back to the version before it: {error.what}", hint)
    return CulmError(f"{failure.what}\nIt went back to {name(serves)}, which is steady.", failure.hint)


def _began(target: Target, project: Project, one: Service, revision: str, progress: Callable[[str], None]) -> str:
    """The revision that ECS goes back to. Its circuit breaker may have seen to it already, or is told to."""
    from botocore.exceptions import ClientError

    ecs = target.client("ecs")
    which = {"cluster": project.name, "service": one.name}
    started = time.monotonic()
    for pause in intervals(longest=target.longest_pause):
        [found] = ecs.describe_services(cluster=project.name, services=[one.name])["services"]
        if found["taskDefinition"] != revision:
            return str(found["taskDefinition"])
        if time.monotonic() - started > SECONDS:
            raise CulmError(f"ECS did not begin in {SECONDS:.0f} s", f"culm rollback {one.name}")
        progress("going back")
        for deployment in ecs.list_service_deployments(**which, status=["PENDING", "IN_PROGRESS"])[
            "serviceDeployments"
        ]:
            with suppress(ClientError):  # its breaker was faster
                ecs.stop_service_deployment(
                    serviceDeploymentArn=deployment["serviceDeploymentArn"], stopType="ROLLBACK"
                )
        time.sleep(pause)
    raise AssertionError("intervals do not end")

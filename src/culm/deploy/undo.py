"""Takes back what a deploy that failed has done: a roll, a slot that was lent, a count."""

from contextlib import suppress
from typing import Any

from culm import render
from culm.deploy import wait
from culm.deploy.executor import Work
from culm.deploy.job import Job
from culm.errors import CulmError
from culm.plan.scaling import LENDS_TAG
from culm.plan.steps import AwaitSteady, GiveBack, GoBack, Recall, ScaleBack
from culm.target.polling import intervals

SECONDS = 60.0
"""How long ECS may take to begin."""
STAYS = "Its migration has run, and old code may not work with the new schema: culm does not roll back by itself."


def gave_back(job: Job, lent: GiveBack, failure: CulmError) -> Work:
    """Start a service that had lent its slot as it was, and wait until it is steady. Returns the failure."""
    give_back(job, lent)
    job.say("starting the old version again", lent.service)
    return (yield from steady_again(job, lent.service, failure))


def give_back(job: Job, lent: GiveBack) -> None:
    """Give a service its tasks back; the mark goes last, so that no crash forgets them."""
    scale(job, lent.service, lent.count)
    job.target.client("ecs").untag_resource(resourceArn=lent.arn, tagKeys=[LENDS_TAG])


def scaled_back(job: Job, scaled: ScaleBack, failure: CulmError) -> Work:
    """Let a service want as many tasks as before. Returns the failure, with that said."""
    scale(job, scaled.service, scaled.count)
    again = f"{scaled.count} task{'' if scaled.count == 1 else 's'}"
    job.say(f"scaling back to {again}", scaled.service)
    text = f"{failure.what}\n{scaled.service} is scaled back to {again}, as before."
    return (yield from steady_again(job, scaled.service, CulmError(text, failure.hint)))


def scale(job: Job, name: str, count: int) -> None:
    """Wish another number of tasks, without waiting for them."""
    job.target.client("ecs").update_service(cluster=job.project.name, service=name, desiredCount=count)


def recall(job: Job, recalled: Recall) -> None:
    """Make calls that bring something back to what it was."""
    for call in recalled.calls:
        getattr(job.target.client(call.client), call.operation)(**call.input)


def steady_again(job: Job, name: str, failure: CulmError) -> Work:
    """Wait until the service is steady after its undo. Returns the failure, with what happened on the way."""
    try:
        yield from wait.until_steady(job, AwaitSteady(service=name, revision=None, fresh=False), None)
    except CulmError as error:
        return CulmError(f"{failure.what}\nand then {error.what}", failure.hint)
    return failure


def went_back(job: Job, back: GoBack, failed: str, failure: CulmError) -> Work:
    """Wait until the version before `failed` is steady again. Returns the failure, and what became of it."""
    job.say("rolling back to the version before", back.service)
    try:
        serves = yield from began(job, back, failed)
        yield from wait.until_steady(job, AwaitSteady(service=back.service, revision=None, fresh=False), None)
    except CulmError as error:
        by_hand = f"culm rollback {back.service}"
        hint = f"{failure.hint}; or by hand: {by_hand}" if failure.hint else by_hand
        return CulmError(f"{failure.what}\nThe rollback to the version before failed, too: {error.what}", hint)
    name = serves.rpartition("/")[2]
    text = f"{failure.what}\nIt was rolled back to {name}, which is steady."
    if back.newer_schema:
        text += f" Its new migration has run and stays: {name} works with that schema as far as it can."
    return CulmError(text, failure.hint)


def began(job: Job, back: GoBack, failed: str) -> Work:
    """Have ECS go back, and wait until it begins. Returns the revision that it goes back to.

    Its circuit breaker may have seen to it already. A roll that ECS took for complete cannot be stopped any more: the
    service is told to run the revision before.
    """
    from botocore.exceptions import ClientError

    ecs = job.target.client("ecs")
    which: dict[str, Any] = {"cluster": job.project.name, "service": back.service}
    started = job.clock.seconds()
    for pause in intervals(longest=job.target.longest_pause):
        [described] = ecs.describe_services(cluster=job.project.name, services=[back.service])["services"]
        if described["taskDefinition"] != failed:
            return str(described["taskDefinition"])
        if job.clock.seconds() - started > SECONDS:
            raise CulmError(f"ECS did not begin in {SECONDS:.0f} s", f"culm rollback {back.service}")
        job.doing(back.service, "going back")
        rolls = ecs.list_service_deployments(**which, status=["PENDING", "IN_PROGRESS"])["serviceDeployments"]
        for roll in rolls:
            with suppress(ClientError):  # its breaker was faster
                ecs.stop_service_deployment(serviceDeploymentArn=roll["serviceDeploymentArn"], stopType="ROLLBACK")
        if not rolls and completed(described, failed):
            how = render.deployment_configuration(job.service(back.service), start_first=False)
            ecs.update_service(**which, taskDefinition=back.before, deploymentConfiguration=how)
        yield pause
    raise AssertionError("intervals do not end")


def completed(described: dict[str, Any], revision: str) -> bool:
    """Return whether ECS takes the roll of this revision for complete."""
    return any(
        d["status"] == "PRIMARY" and d.get("rolloutState") == "COMPLETED" and d.get("taskDefinition") == revision
        for d in described["deployments"]
    )

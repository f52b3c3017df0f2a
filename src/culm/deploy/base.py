"""What services stand on: it is brought about call by call, each look showing what can be made next."""

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from culm import render
from culm.deploy import databases, diagnoses, secret_variables, vault_files
from culm.deploy.executor import Work
from culm.deploy.job import Job
from culm.errors import CulmError
from culm.plan import diff
from culm.plan.calls import Call
from culm.plan.observed import Survey
from culm.plan.vault_files import LOAD_BALANCER_FILE
from culm.target.connection import Target
from culm.target.eventual_consistency import made
from culm.target.observe import described_instances, load_balancer, observe
from culm.target.polling import intervals
from culm.target.surroundings import surroundings

ROUNDS = 20
"""Of changes: what one makes, the next stands on. More would mean that they never settle."""
SETTLE_SECONDS = 30.0
"""How long a target may not show what it has been told."""
PORT_SECONDS = 4.0
"""How long a load balancer whose port is taken may take to serve after all: a few of its looks."""
PROXY_SECONDS = 10.0
"""The same where its proxy fails, which the cluster tries again less and less often: every 4 s at last."""
INSTANCE_SECONDS = {"local": 60.0, "aws": 300.0}
"""How long instances may take to join: on Amazon they boot first, and register a minute or two later."""


def bring_about(job: Job) -> None:
    """Make what services stand on, and leave in `job.survey` what is there then.

    Nothing is called when it is all there. Raises CulmError when the target does not keep what it was told.
    """
    target, project, clock = job.target, job.project, job.clock
    vault = render.vault_bucket(project.name, target.account, target.region)
    before: list[Call] = []
    moved = clock.seconds()
    for _, pause in zip(range(ROUNDS), intervals(0.2, 4.0), strict=False):
        observed = observe(target, project, vault)
        job.survey = Survey(observed=observed, surroundings=surroundings(target, project, observed))
        calls = diff.base(project, observed, job.survey.surroundings)
        if not calls:
            return
        if calls != before:
            moved = clock.seconds()
        elif clock.seconds() - moved > SETTLE_SECONDS:
            break
        else:
            clock.wait((), pause)
        for call in calls:
            if call not in before:
                job.say(call.what)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda call: made(partial(answer, target, call)), calls))
        before = calls
    what = "; ".join(call.what for call in calls)
    raise CulmError(f"the target does not keep what it is told: {what}", "does another deploy run at the same time?")


def check_load_balancer(job: Job) -> None:
    """Raise CulmError when the local load balancer cannot serve: somebody else may have its port.

    It looks at its ports once a second, and tries a proxy that failed a few seconds later, so its last word may be
    older than what was fixed just before this command.
    """
    if job.target.settings.provider != "local":
        return  # there `active_impaired` says that it lacks addresses to grow, and it serves all the same
    started = job.clock.seconds()
    for pause in intervals():
        described = load_balancer(job.target, job.project.name)
        state = described.get("State", {}) if described else {}
        if state.get("Code") != "active_impaired":
            return
        reason = state.get("Reason")
        if job.clock.seconds() - started > (PORT_SECONDS if is_about_a_port(reason) else PROXY_SECONDS):
            refuse_impaired(state["Code"], reason)
        job.clock.wait((), pause)


def refuse_impaired(state: str | None, reason: str | None) -> None:
    """Raise CulmError for a load balancer in this state."""
    if state == "active_impaired":
        hint = "end what has the port, or take another `port:` for the target in culm.yml; then: culm up"
        raise CulmError(
            f"the load balancer does not serve: {reason}", hint if is_about_a_port(reason) else "culm doctor"
        )


def is_about_a_port(reason: str | None) -> bool:
    """Return whether a load balancer is impaired by who has its port, and not by its proxy."""
    return reason is None or re.search(r"\bport\b", reason) is not None


def answer(target: Target, call: Call) -> Any:
    """Make a call that needs no earlier result, and return AWS's answer."""
    return getattr(target.client(call.client), call.operation)(**call.input)


def instances(job: Job, lane: str) -> Work:
    """Wait until the cluster has instances that take tasks: none can be run before."""
    target, cluster = job.target, job.project.name
    local = target.settings.provider == "local"
    started = job.clock.seconds()
    for pause in intervals():
        [described] = target.client("ecs").describe_clusters(clusters=[cluster])["clusters"]
        registered = described["registeredContainerInstancesCount"]
        ill = diagnoses.unwell(described_instances(target, cluster)) if registered else []
        if len(ill) < registered:
            return
        if job.clock.seconds() - started > INSTANCE_SECONDS[target.settings.provider]:
            if ill:
                listed = "".join(f"\n  {line}" for line in ill)
                what = f"no container instance of cluster {cluster} takes tasks{listed}"
                raise CulmError(what, diagnoses.cure("agent is disconnected") or "")
            hint = diagnoses.cure("no container instances were found") or ""
            if local:
                hint = "culm cluster status, and its daemon.log"
            raise CulmError(f"no container instance has joined cluster {cluster}", hint)
        job.doing(lane, "waiting for container instances")
        yield pause


def configuration(job: Job) -> None:
    """Write the files that only the target can tell: databases' and the load balancer's URLs."""
    target, project, given = job.target, job.project, job.surroundings
    vault_files.vault_of(target, project).prepare(target.region)
    databases.prepare(job)
    secret_variables.prepare(job)
    described = job.survey.observed.load_balancer
    assert described is not None, "the base is there"
    dns_name = described["DNSName"]
    url = f"{target.url(dns_name, given.port) if target.settings.domain else f'http://{dns_name}:{given.port}'}\n"
    for name in {service.original: None for service in project.everything.values()}:
        if vault_files.get(target, given, name, LOAD_BALANCER_FILE) != url:
            vault_files.put(target, given, name, LOAD_BALANCER_FILE, url)

"""Waits until a service is steady, or tells the cause at once when it will not be; then watches it for a while."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from culm.deploy import causes, diagnoses, exits, health_page, host_names, scripts
from culm.deploy.executor import Work
from culm.deploy.job import Job
from culm.deploy.verdict import Done, Doomed, Going, Look, advice, verdict
from culm.errors import CulmError, TimedOut
from culm.plan.steps import AwaitSteady, Settle
from culm.plan.trouble import deaths, latest, primary_of, trouble
from culm.project.project import Service
from culm.target.observe import described_instances, tasks
from culm.target.polling import intervals

STOP_SECONDS = 120.0
UNKNOWN_SECONDS = 15.0
"""How long a service that has just been made may not be found."""
SEVERAL = 3
"""Looks in a row: AWS may describe what was before once more after it has described what is."""
ASK_SECONDS = 2.0
"""How often the page of a target that is not healthy is asked for what it says."""
SETTLE_PAUSE = 1.0
"""Seconds between two looks at a service that is watched."""


class NotSteady(CulmError):
    """It will not become steady; what was found is its text."""


class Watch:
    """One service while it is waited for: what has to be remembered from look to look."""

    def __init__(self, job: Job, wanted: AwaitSteady, revision: str | None) -> None:
        self.job = job
        self.service = job.service(wanted.service)
        self.wanted = wanted
        self.revision = revision
        self.started = self.moved = job.clock.seconds()
        self.before: object = None
        self.past: frozenset[str] | None = None
        """Tasks that had stopped before it began: they do not tell about what it waits for."""
        self.ran = False
        """Whether the service was described as running the revision."""
        self.away = 0
        """Looks in a row in which it was described as running another one after that."""
        self.ill: dict[tuple[str, int], Mapping[str, Any]] = {}
        """The last description of each target that was not healthy: when it matters, its task may be gone."""

    def look(self) -> Look | None:
        """Look at the service once; return None where there is no such service, or not yet."""
        now = self.job.clock.seconds()
        look = look_at(self.job, self.service, now - self.moved)
        if look is None:
            return None
        if self.past is None:
            stopped = () if self.wanted.fresh else look.stopped
            self.past = frozenset(task["taskArn"] for task in stopped)
        current = look.service["taskDefinition"] == self.revision
        self.ran = self.ran or current
        self.away = self.away + 1 if self.ran and not current else 0
        if (state := movement(look)) != self.before:
            self.before, self.moved = state, now
        for target in look.targets:
            if target["TargetHealth"]["State"] in ("initial", "unhealthy"):
                self.note(target, now)
        recent = [task for task in look.stopped if task["taskArn"] not in self.past]
        return replace(look, stopped=recent, revision=self.revision, left=self.away >= SEVERAL)

    def note(self, target: Mapping[str, Any], now: float) -> None:
        """Keep why a target is not healthy; on this machine also what its page says, once that takes long."""
        key = str(target["Target"]["Id"]), int(target["Target"].get("Port", 0))
        kept = {**self.ill.get(key, {"asked": now}), **target}
        if now - kept["asked"] >= ASK_SECONDS:
            kept |= {"asked": now, **health_page.answer(self.job.target, self.service, *key)}
        self.ill[key] = kept


def until_steady(job: Job, wanted: AwaitSteady, revision: str | None) -> Work:
    """Wait until the service's newest deployment is all there is; raise NotSteady when it cannot be.

    `revision` is the ARN of what the service was told to run: until it says so itself, it is described as it was
    before, and when it says another one after that, ECS went back. None: it was told nothing new.

    A service that nothing was told is not steady either while its tasks keep dying.
    """
    watch = Watch(job, wanted, revision)
    name = wanted.service
    last_said = ""
    for pause in intervals(longest=job.target.longest_pause):
        look = watch.look()
        waited = job.clock.seconds() - watch.started
        if look is None:
            if waited > UNKNOWN_SECONDS:
                raise CulmError(f"{name} is not deployed", f"culm deploy {name}")
            job.doing(name, "waiting until AWS shows what was just made")
            yield pause
            continue
        match verdict(look):
            case Done():
                if not wanted.fresh:
                    check_alive(watch)
                return
            case Doomed() as doomed:
                raise failure(watch, doomed, look)
            case Going(progress=last_said):
                job.doing(name, last_said)
        if waited > (longest := job.service(name).steady_timeout):
            hint = f"it may still get there: culm status; its log: culm logs {name}"
            raise TimedOut(f"{name} was not steady after {longest} s: {last_said}", hint)
        yield pause


def check_alive(watch: Watch) -> None:
    """Raise NotSteady for a service that runs at the moment, and keeps dying; say so of one that died once, lately."""
    look = look_at(watch.job, watch.service, 0.0)
    problem = trouble(look.service, look.stopped, watch.job.clock.now()) if look is not None else None
    if problem is not None and problem.kind == "dying":
        raise not_steady(watch.job, watch.service, f"{watch.service.name} {problem.text}", problem.task)
    if problem is not None and problem.kind in ("died", "killed"):
        watch.job.say(f"{problem.text}: `culm logs {watch.service.name}`", watch.service.name)


def settled(job: Job, watched: Settle) -> Work:
    """Watch a steady service for some seconds; raise NotSteady when a task of it dies meanwhile."""
    name, service = watched.service, job.service(watched.service)
    started = job.clock.seconds()
    past: set[str] | None = None
    while True:
        look = look_at(job, service, 0.0)
        waited = job.clock.seconds() - started
        if look is not None and (primary := primary_of(look.service)) is not None:
            dead = deaths(primary, look.stopped)
            past = {task["taskArn"] for task in dead} if past is None else past
            if fresh := [task for task in dead if task["taskArn"] not in past]:
                what = f"{name} was steady, and died within {max(1, round(waited))} s"
                raise not_steady(job, service, what, latest(fresh))
        if waited >= watched.seconds:
            return
        job.doing(name, f"is steady; watched for {watched.seconds - waited:.0f} s more")
        yield min(SETTLE_PAUSE, watched.seconds - waited)


def not_steady(job: Job, service: Service, what: str, task: Mapping[str, Any] | None) -> NotSteady:
    """Return the failure: its likely cause first, then the task that shows it."""
    finding = None
    if task is not None:
        finding = exits.cause(task, causes.output_of(job, service.name, task, prefix=service.name))
        finding = scripts.located(service, host_names.located(job.project, service, finding))
        what += likely(finding) + "\n" + causes.of_task(job, service.name, task, prefix=service.name)
    return NotSteady(what, (finding and finding.hint) or diagnoses.cure(what) or advice(task))


def begins(service: Service) -> str:
    """Return what all paths of a service begin with: `/shop` of `/shop/*`; empty where it has every path."""
    return service.paths[0].partition("*")[0].rstrip("/") if service.paths else ""


def likely(finding: diagnoses.LikelyCause | None) -> str:
    """Return the line for a cause, to be read before all else."""
    return f"\n  cause: {causes.as_in_the_image(finding.line)}" if finding is not None else ""


def until_stopped(job: Job, name: str) -> Work:
    """Wait until no task of the service is left: a stopping task holds its room until it has STOPPED."""
    ecs, cluster = job.target.client("ecs"), job.project.name
    started = job.clock.seconds()
    for pause in intervals(longest=job.target.longest_pause):
        there = [
            task
            for status in ("RUNNING", "STOPPED")
            for task in tasks(ecs, cluster, serviceName=name, desiredStatus=status)
            if task["lastStatus"] != "STOPPED"
        ]
        if not there:
            return
        job.doing(name, f"{len(there)} stopping")
        if job.clock.seconds() - started > STOP_SECONDS:
            raise TimedOut(f"{name} did not stop in {STOP_SECONDS:.0f} s", f"culm logs {name}")
        yield pause


def look_at(job: Job, service: Service, stuck_seconds: float) -> Look | None:
    """Look at a service, its tasks that stopped, and its targets. None: there is no such service, or not yet."""
    ecs, cluster = job.target.client("ecs"), job.project.name
    [described] = ecs.describe_services(cluster=cluster, services=[service.name])["services"] or [None]
    if described is None or described["status"] == "INACTIVE":
        return None
    stopped = tasks(ecs, cluster, serviceName=service.name, desiredStatus="STOPPED")
    elb = job.target.client("elbv2")
    health = [
        target
        for balancer in described.get("loadBalancers", ())
        for target in elb.describe_target_health(TargetGroupArn=balancer["targetGroupArn"])["TargetHealthDescriptions"]
    ]
    return Look(service=described, stopped=stopped, targets=health, stuck_seconds=stuck_seconds)


def movement(look: Look) -> object:
    """Return what changes when anything starts, stops or gets healthy."""
    counts = [(d["id"], d["runningCount"], d["pendingCount"]) for d in look.service["deployments"]]
    states = sorted(
        (t["Target"].get("Id", ""), t["Target"].get("Port", 0), t["TargetHealth"]["State"]) for t in look.targets
    )
    return counts, states


def failure(watch: Watch, doomed: Doomed, look: Look) -> NotSteady:
    """Return the failure, its cause on one screen."""
    job, service = watch.job, watch.service
    what = f"{service.name} did not start: {doomed.why}"
    primary = primary_of(look.service) or {}
    events = [e for e in look.service.get("events", ()) if e["createdAt"] >= primary.get("createdAt", e["createdAt"])]
    pages = health_page.lines(service, watch.ill.values(), events)
    output = causes.output_of(job, service.name, doomed.task, prefix=service.name) if doomed.task is not None else []
    died = doomed.task is not None and doomed.task.get("stopCode") == "EssentialContainerExited"
    page = diagnoses.in_health(pages, output, begins(service)) if pages and not died else None
    ended = exits.cause(doomed.task, output) if doomed.task is not None else None
    finding = scripts.located(service, host_names.located(job.project, service, page or ended))
    if not died and pages and (finding is None or finding.line.startswith((diagnoses.FAILS, diagnoses.LATE))):
        known = diagnoses.symptom_of(output) or diagnoses.in_title(pages)
        raised = finding if diagnoses.last_raised(output) else None
        finding = known or raised or host_names.suspected(job.project, service) or finding
        finding = host_names.located(job.project, service, finding)
    what += likely(finding) + "".join(f"\n  {line}" for line in pages)
    if doomed.task is not None:
        what += "\n" + causes.of_task(job, service.name, doomed.task, prefix=service.name)
    what += "".join(f"\n  {line}" for line in diagnoses.unwell(described_instances(job.target, job.project.name)))
    hint = (finding and finding.hint) or diagnoses.cure(what) or doomed.hint
    return NotSteady(what, "; or ".join(part for part in (hint, watch.wanted.back) if part))

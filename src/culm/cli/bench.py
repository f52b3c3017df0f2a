"""`culm bench`."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime

import click

from culm import render
from culm.cli.context import open_project, open_target, outcomes_option, services_of, target_option, wants_json
from culm.console import Console
from culm.core.model.arn import last
from culm.errors import CulmError, UsageError
from culm.operate import bench as benches
from culm.operate.load import climb
from culm.operate.status import url
from culm.plan.throughput import Measured, best
from culm.target import faults
from culm.target.clock import now
from culm.target.observe import observe


@click.command()
@click.argument("service")
@click.option("--path", help="What to ask for.  [default: the service's health page]")
@click.option("--bound", default=250, show_default=True, help="Milliseconds that 95 of 100 answers may take.")
@click.option("--seconds", default=3.0, show_default=True, help="How long each number of clients asks.")
@outcomes_option
@target_option
def bench(service: str, path: str | None, bound: int, seconds: float, target_name: str) -> None:
    """Measure how many requests a second SERVICE answers in time.

    Asks the deployed service through the load balancer with 1, 2, 4, ... clients until it gets too slow, and keeps the
    result in .culm/bench.json, where `culm plan --capacity` finds it. Not for an environment that people use.
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    target = open_target(project, target_name)
    console = Console()
    asked = path or chosen.health
    if asked is None:
        raise UsageError(f"{service} is behind no load balancer: it has `path: none`", "nothing asks it for pages")
    with faults.translated():
        described = benches.running(target, project, chosen)
        live = observe(target, project, render.vault_bucket(project.name, target.account, target.region))
        begin = url(target, chosen, live)
        if begin is None:
            raise CulmError(f"{service} is behind no load balancer", f"culm deploy {service}")
        began = datetime.fromtimestamp(now(), UTC)
        runs = climb(begin.removesuffix(render.entrances(chosen)[0]) + asked, bound / 1000, seconds, console.say)
        fastest = best(runs, bound / 1000)
        if fastest is None:
            hint = "--path names another page, --bound allows more milliseconds"
            raise CulmError(f"{service} never answered {asked} in time", hint)
        ended = datetime.fromtimestamp(now(), UTC)
    tasks = int(described["runningCount"])
    measured = Measured(
        rate=round(fastest.rate, 1),
        throughput=round(fastest.rate / tasks, 1),
        tasks=tasks,
        clients=fastest.clients,
        p95=round(fastest.p95, 4),
        bound=bound / 1000,
        path=asked,
        task_definition=last(described["taskDefinition"]),
        at=began.isoformat(timespec="seconds"),
    )
    benches.keep(project, service, measured)
    say = console.say if wants_json() else click.echo
    say(
        f"{service}: {measured.throughput:g} requests/s a task; "
        f"95 of 100 answers within {fastest.p95 * 1000:.0f} ms ({bound} ms are allowed)"
    )
    console.say("asking CloudWatch for memory and CPU (Ctrl-C does without)")
    with faults.translated():
        memory, cpu = benches.usage(target, project.name, described, began, ended)
    if memory is None:
        console.say("CloudWatch did not tell in time; the rest is kept")
    else:
        measured = replace(measured, peak_memory=memory, cpu=None if cpu is None else round(cpu, 1))
        benches.keep(project, service, measured)
        busy = "" if cpu is None else f"; CPU {cpu:.0f} % of its reservation (above 100 % it used CPU that was idle)"
        say(f"{service}: peak memory {memory} of {benches.reserved(target, described)} MiB a task{busy}")
    if wants_json():
        click.echo(json.dumps({"service": service, **asdict(measured)}, indent=2))

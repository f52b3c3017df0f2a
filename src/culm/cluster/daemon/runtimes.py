"""Which runtime the cluster runs its tasks with."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from culm.cluster.daemon.settings import Settings
from culm.cluster.instance.runtime.interface import Runtime as Runtime
from culm.cluster.instance.runtime.process.runtime import ProcessRuntime
from culm.errors import CulmError

log = logging.getLogger(__name__)

Retire = Callable[[], Awaitable[None]]
"""Takes away what the runtime set up for itself, at the cluster's orderly end."""


LAST = "runtime"
"""The file in the home that names the runtime the cluster had last."""


def asked(settings: Settings, *, killed: bool) -> str:
    """Return what was asked for; `auto` is the runtime of last time, which its images were built for.

    `killed`: the last daemon did not end in order. What it ran still runs, and another runtime would not see it.
    """
    path = settings.home / LAST
    last = path.read_text().strip() if path.exists() else "auto"
    if settings.runtime == "auto":
        return last
    if killed and last not in ("auto", settings.runtime):
        raise CulmError(
            f"the cluster's daemon was killed, and its tasks go on with the {last} runtime",
            f"culm cluster start; culm cluster stop; then --runtime {settings.runtime}",
        )
    return settings.runtime


async def choose(settings: Settings, now: Callable[[], float], *, killed: bool) -> tuple[Runtime, Retire]:
    """Choose what runs containers.

    `auto` is that of last time; the first time Docker when an engine answers, else host processes.
    """
    wanted = asked(settings, killed=killed)
    if wanted == "process":
        return _process(settings, now)
    from culm.engine.client import unavailable  # HTTP clients are slow to import, and needed only here

    problem = await asyncio.to_thread(unavailable)
    if problem is None:
        from culm.cluster.instance.runtime.docker.runtime import DockerRuntime

        runtime = DockerRuntime(str(settings.home))

        async def retire() -> None:
            await runtime.remove_network()
            await runtime.close()

        return runtime, retire
    if wanted == "docker":
        raise problem
    log.info("%s: tasks run as host processes", problem.what)
    return _process(settings, now)


def _process(settings: Settings, now: Callable[[], float]) -> tuple[Runtime, Retire]:
    async def nothing() -> None:
        """Processes and their folders went with their tasks."""

    return ProcessRuntime(settings.home, now=now), nothing

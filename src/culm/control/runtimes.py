"""Which runtime the cluster runs its tasks with."""

import logging
from collections.abc import Awaitable, Callable

from culm.control.settings import Settings
from culm.errors import CulmError
from culm.runtime.port import Runtime as Runtime
from culm.runtime.process import ProcessRuntime

log = logging.getLogger(__name__)

Retire = Callable[[], Awaitable[None]]
"""Takes away what the runtime set up for itself, at the cluster's orderly end."""


async def choose(settings: Settings, now: Callable[[], float]) -> tuple[Runtime, Retire]:
    """`auto`: Docker when an engine answers, else host processes."""
    if settings.runtime == "process":
        return _process(settings, now)
    from culm.runtime import docker  # its HTTP client is slow to import, and needed only here

    refusal = await docker.available()
    if refusal is None:
        runtime = docker.DockerRuntime(str(settings.home))

        async def retire() -> None:
            await runtime.remove_network()
            await runtime.close()

        return runtime, retire
    if settings.runtime == "docker":
        raise CulmError(f"no Docker engine answers: {refusal}", "start it, set DOCKER_HOST, or use --runtime process")
    log.info("no Docker engine answers (%s): tasks run as host processes", refusal)
    return _process(settings, now)


def _process(settings: Settings, now: Callable[[], float]) -> tuple[Runtime, Retire]:
    async def nothing() -> None:
        """Processes and their folders went with their tasks."""

    return ProcessRuntime(settings.home, now=now), nothing

"""Volumes without a path on the host: folders of the task's own, made before its containers and gone with them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
"""

import asyncio
import shutil
from pathlib import Path

from culm.cluster.instance.specs import Surroundings, volume_source, volumes_folder
from culm.core.model.agent import TaskPayload
from culm.errors import RuntimeFailure


async def prepare(task: TaskPayload, surroundings: Surroundings) -> None:
    """Make the folders of a task's volumes. Raises RuntimeFailure if one cannot be made."""
    for volume in task.volumes:
        if volume.host is None or volume.host.source_path is None:
            folder = Path(volume_source(task, volume, surroundings))
            try:
                await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            except OSError as error:
                raise RuntimeFailure("CannotCreateVolumeError", f"volume {volume.name}: {error}") from error


async def discard(task: TaskPayload, surroundings: Surroundings) -> None:
    if task.volumes:
        await asyncio.to_thread(shutil.rmtree, volumes_folder(task, surroundings), ignore_errors=True)

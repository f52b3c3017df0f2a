"""Volumes without a path on the host: folders of the task's own, made before its containers and gone with them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
"""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from culm.cluster.instance.specs import Surroundings, volume_source, volumes_folder
from culm.core.model.agent import ContainerPayload, TaskPayload
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


async def fill(
    task: TaskPayload, container: ContainerPayload, files: Mapping[str, bytes], surroundings: Surroundings
) -> None:
    """Write files to where the container's mounts have them; everybody may read them, as with `aws s3 cp`."""
    sources = {volume.name: volume_source(task, volume, surroundings) for volume in task.volumes}
    folders = {mount.container_path: Path(sources[mount.source_volume]) for mount in container.mount_points}
    for path, content in files.items():
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            raise RuntimeFailure("CannotStartContainerError", f"no volume of {container.name} is at {folder}")
        place = folders[folder] / name
        try:
            await asyncio.to_thread(place.write_bytes, content)
            await asyncio.to_thread(place.chmod, 0o644)
        except OSError as error:
            raise RuntimeFailure("CannotStartContainerError", f"{path}: {error}") from error


async def discard(task: TaskPayload, surroundings: Surroundings) -> None:
    if task.volumes:
        await asyncio.to_thread(shutil.rmtree, volumes_folder(task, surroundings), ignore_errors=True)

"""What the disk's refusals mean to people."""

import errno
import shutil
from pathlib import Path

from culm.errors import RuntimeFailure


def full_disk(name: str, error: OSError, folder: Path) -> RuntimeFailure:
    """Return a failure that says plainly when the disk is full, and how full."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return RuntimeFailure(name, f"{error.strerror or error}: {error.filename or folder}")
    where = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(where).free // (1024 * 1024)
    what = f"no space left on device: {folder} has {free} MiB left; free some, then try again"
    return RuntimeFailure(name, what)

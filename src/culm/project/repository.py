"""The git repository that a folder lies in."""

from pathlib import Path


def repository(folder: Path) -> Path | None:
    """Return the top of the working tree around `folder`.

    None: it is in no repository. A worktree's `.git` is a file.
    """
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)

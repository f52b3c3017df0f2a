"""Small files of the daemon's that are its owner's alone."""

import os
from pathlib import Path


def write_owner_only(path: Path, text: str) -> None:
    """Write all of the text or nothing, whenever the machine stops; nobody else can read it at any moment."""
    draft = path.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

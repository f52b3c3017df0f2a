"""Edit a file of the vault in the user's own editor: in memory where possible, readable by its owner alone."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from culm.errors import CulmError
from culm.vault.files import Conflict, Vault
from culm.vault.names import Name
from culm.vault.secret import Secret

IN_MEMORY = Path("/dev/shm")


def edit(vault: Vault, name: Name) -> str | None:
    """Open the file in an editor and write it back. Returns the new version's id, or None when nothing changed.

    Raises CulmError when it cannot be written; the edit is kept then, and the hint says where.
    """
    present = vault.read(name)
    before = present.data if present else Secret(b"")
    folder = private_folder()
    path = folder / name.file
    keeps = False
    try:
        store(path, before)
        run_editor(path)
        after = Secret(path.read_bytes())
        if after == before:
            return None
        keeps = True
        version = vault.write(name, after, over=present)
        keeps = False
        return version
    except Conflict as conflict:
        hint = f"your edit is kept: compare it with `culm vault get {name}`, then: culm vault put {name} {path}"
        raise CulmError(conflict.what, hint) from None
    except Exception as error:
        if not keeps:
            raise
        raise CulmError(f"{name} could not be written: {error}", f"culm vault put {name} {path}") from error
    finally:
        if not keeps:
            shutil.rmtree(folder)


def private_folder() -> Path:
    """Make a folder for its owner alone, as editors leave swap and backup files beside the file."""
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="culm-vault-", dir=place))


def store(path: Path, data: Secret) -> None:
    """Write a file with owner-only rights, which it has from its first moment."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data.reveal())


def run_editor(path: Path) -> None:
    """Open the user's editor and wait until it ends. Raises CulmError if it cannot be started or fails."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        status = subprocess.run([*command, str(path)]).returncode
    except OSError as error:
        raise CulmError(f"cannot start the editor {command[0]}: {error.strerror}", "set EDITOR") from None
    if status:
        raise CulmError(f"{command[0]} ended with status {status}; nothing was written", "set EDITOR, or try again")

"""`culm vault`."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from culm.cli import SuggestingGroup
from culm.cli.context import json_option, open_project, open_target, target_option
from culm.cli.status import table
from culm.deploy.vault_files import vault_of
from culm.errors import CulmError, Differs, UsageError
from culm.target import faults
from culm.vault import compare, editing, names
from culm.vault.files import File, Vault
from culm.vault.names import Folder, Name
from culm.vault.secret import Secret


@click.group(cls=SuggestingGroup)
def vault() -> None:
    """Configuration files by environment and service, versioned.

    A name is ENV/SERVICE/FILE, such as stg/accounts/settings.toml. Tasks with MYENV=stg read stg/; tasks of the local
    cluster read local/.
    """


def opened(target_name: str, *, to_write: bool = False) -> Vault:
    project = open_project(target_name)
    target = open_target(project, target_name)
    files = vault_of(target, project)
    if to_write:
        files.prepare(target.region)
    return files


@vault.command()
@click.argument("name")
@click.argument("source", default="-", metavar="[FILE]")
@click.option("--if-version", "expected", metavar="ID", help="Only if this is still the current version.")
@json_option
@target_option
def put(name: str, source: str, expected: str | None, as_json: bool, target_name: str) -> None:
    """Store FILE, or what comes on stdin, as NAME.

    With ENV/SERVICE and a folder, all files of the folder. What was there before stays in the history.
    """
    where = names.named(name)
    with faults.translated():
        kept = opened(target_name, to_write=True)
        if isinstance(where, Name):
            data = sys.stdin.buffer.read() if source == "-" else content(Path(source))
            rows = [store(kept, where, Secret(data), expected)]
        elif where.service and Path(source).is_dir():
            paths = sorted(path for path in Path(source).iterdir() if path.is_file())
            rows = [store(kept, names.name(f"{where}/{path.name}"), Secret(content(path)), None) for path in paths]
        else:
            raise UsageError(f"{name} does not name a file", names.SHAPE)
    if as_json:
        click.echo(json.dumps(rows, indent=2))


def store(kept: Vault, name: Name, data: Secret, expected: str | None) -> dict[str, Any]:
    """Write a file, only if it still is at version `expected`; None: whatever is there. Raises CulmError otherwise.

    Returns its row of `--json`.
    """
    current = kept.read(name)
    if expected is not None and (current is None or current.version != expected):
        now = f"version {current.version} is" if current else "nothing is"
        raise CulmError(f"{name} is not at version {expected}: {now} there", f"culm vault history {name}")
    if current is not None and current.data == data:
        click.echo(f"{name} is unchanged", err=True)
        return {"name": str(name), "version": current.version, "changed": False}
    version = kept.write(name, data, over=current)
    click.echo(f"{name} is at version {version}", err=True)
    return {"name": str(name), "version": version, "changed": True}


def content(path: Path) -> bytes:
    """Return a file's bytes. Raises UsageError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


@vault.command()
@click.argument("name")
@click.argument("out", default="-", metavar="[FILE]")
@click.option("--version", metavar="ID", help="An earlier version.")
@target_option
def get(name: str, out: str, version: str | None, target_name: str) -> None:
    """Write NAME to FILE, with owner-only rights, or to stdout.

    With ENV/SERVICE and a folder, all its files.
    """
    where = names.named(name)
    with faults.translated():
        kept = opened(target_name)
        if isinstance(where, Name):
            file = demanded(kept, where, version)
            if out == "-":
                stdout().write(file.data.reveal())
            else:
                editing.store(Path(out), file.data)
        elif where.service and out != "-" and version is None:
            Path(out).mkdir(mode=0o700, parents=True, exist_ok=True)
            for each in listed(kept, where):
                editing.store(Path(out, each.file), demanded(kept, each, None).data)
        else:
            raise UsageError(f"{name} does not name a file", f"{names.SHAPE}; or ENV/SERVICE and a folder")


def stdout() -> BinaryIO:
    """Return stdout for bytes that are asked for: text that goes to stdout is redacted."""
    sys.stdout.flush()
    return sys.stdout.buffer


def demanded(kept: Vault, name: Name, version: str | None) -> File:
    """Return a file, or one of its versions. Raises CulmError where there is none."""
    file = kept.read(name, version)
    if file is None:
        which = f"{name} has no version {version}" if version else f"there is no {name} in the vault"
        raise CulmError(which, f"culm vault history {name}" if version else f"culm vault ls {name.env}")
    return file


def listed(kept: Vault, folder: Folder) -> list[Name]:
    """Return the names below a folder. Raises CulmError where there are none."""
    listed_names = [each.name for each in kept.list(folder)]
    if not listed_names:
        raise CulmError(f"there is nothing at {folder} in the vault", "culm vault ls")
    return listed_names


@vault.command()
@click.argument("folder", default="", metavar="[ENV[/SERVICE]]")
@json_option
@target_option
def ls(folder: str, as_json: bool, target_name: str) -> None:
    """List what is there."""
    with faults.translated():
        entries = list(opened(target_name).list(names.folder(folder)))
    if as_json:
        click.echo(json.dumps([{"name": str(e.name), "size": e.size, "at": shown(e.at)} for e in entries], indent=2))
    else:
        rows = [(str(each.name), str(each.size), shown(each.at)) for each in entries]
        click.echo(table(("NAME", "BYTES", "CHANGED"), rows), nl=bool(rows))


@vault.command()
@click.argument("name")
@target_option
def edit(name: str, target_name: str) -> None:
    """Change NAME in $EDITOR.

    Somebody else's change meanwhile is not overwritten: your edit is kept in a file then, and the message says where.
    """
    where = names.name(name)
    with faults.translated():
        version = editing.edit(opened(target_name, to_write=True), where)
    click.echo(f"{where} is at version {version}" if version is not None else f"{where} is unchanged", err=True)


@vault.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--version", "versions", multiple=True, metavar="ID", help="Of OLD; once more for what it becomes.")
@click.option("--reveal", is_flag=True, help="Show secret values.")
@target_option
def diff(old: str, new: str | None, versions: tuple[str, ...], reveal: bool, target_name: str) -> None:
    """Compare two files, two services' folders, or two versions of a file. Exit status 3 when they differ.

    With OLD alone, what its last version changed. Secret values are masked: equal masks stand for equal values.
    """
    with faults.translated():
        kept = opened(target_name)
        if new is not None:
            if versions:
                raise UsageError("--version compares versions of one file", "leave out NEW, or --version")
            before, after, labels = files_at(kept, old), files_at(kept, new), (old, new)
        else:
            before, after, labels = versions_of(kept, names.name(old), versions)
    lines = compare.differences(before, after, labels, salt=None if reveal else os.urandom(16))
    text = "".join(f"{line}\n" for line in lines)
    stdout().write(text.encode())
    if lines:
        sys.exit(Differs.exit_status)


def files_at(kept: Vault, text: str) -> dict[str, str]:
    where = names.named(text)
    chosen = [where] if isinstance(where, Name) else listed(kept, where)
    same = isinstance(where, Name)  # two files are compared whatever they are called
    prefix = where.prefix if isinstance(where, Folder) else ""
    return {"" if same else str(each).removeprefix(prefix): demanded(kept, each, None).data.text() for each in chosen}


def versions_of(
    kept: Vault, name: Name, versions: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, str], tuple[str, str]]:
    """Return two versions, in the order given or the earlier first: each as text by file name, and their ids.

    Raises UsageError for more than two `versions`, CulmError where there is none to compare with.
    """
    if len(versions) > 2:
        raise UsageError("--version can be given twice at most")
    known = [each.version for each in kept.history(name) if not each.deleted]
    if len(known) < 2 and not versions:
        raise CulmError(f"{name} has no earlier version", f"culm vault history {name}")
    first = versions[0] if versions else known[1]
    second = versions[1] if len(versions) == 2 else known[0]
    texts = [{name.file: demanded(kept, name, version).data.text()} for version in (first, second)]
    return texts[0], texts[1], (first, second)


@vault.command()
@click.argument("name")
@click.option("--purge", is_flag=True, help="Its history too: no version of it can be had again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_option
def rm(name: str, purge: bool, yes: bool, target_name: str) -> None:
    """Remove NAME, or all files of ENV/SERVICE; the history stays, unless --purge."""
    where = names.named(name)
    if isinstance(where, Folder) and not where.service:
        raise UsageError(f"{name!r} names no file or service", names.SHAPE)
    with faults.translated():
        kept = opened(target_name)
        if isinstance(where, Folder):
            doomed = listed(kept, where)
        else:
            doomed = [where]
            if next(kept.history(where), None) is None:
                raise CulmError(f"there is no {where} in the vault", f"culm vault ls {where.env}")
        if not yes and sys.stdin.isatty():
            what = ", ".join(map(str, doomed)) + (" with all versions" if purge else "")
            click.confirm(f"remove {what}?", abort=True, err=True)
        for each in doomed:
            if purge:
                click.echo(f"{each} is gone, with {kept.purge(each)} versions", err=True)
            else:
                kept.delete(each)
                click.echo(f"{each} is gone; its versions: culm vault history {each}", err=True)


@vault.command()
@click.argument("name")
@json_option
@target_option
def history(name: str, as_json: bool, target_name: str) -> None:
    """List the versions of NAME, the newest first."""
    where = names.name(name)
    with faults.translated():
        versions = list(opened(target_name).history(where))
    if not versions:
        raise CulmError(f"{where} has never been in the vault", f"culm vault ls {where.env}")
    if as_json:
        rows: list[dict[str, Any]] = [
            {"version": v.version, "at": shown(v.at), "size": v.size, "current": v.current, "deleted": v.deleted}
            for v in versions
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [
        (v.version, shown(v.at), "deleted" if v.deleted else str(v.size), "current" if v.current else "")
        for v in versions
    ]
    click.echo(table(("VERSION", "AT", "BYTES", ""), lines))


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

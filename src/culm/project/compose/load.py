"""Compose files from disk: read, filled in, extended, included, merged.

For one model, in this order: `.env` beside the first file lies below the environment; each file is read and its
variables filled in; its services take over what they extend; it is merged over the files before it; what it includes is
loaded the same way, with a folder and an `.env` of its own, and may not name a service again. Paths are absolute from
then on: those of a file are seen from the folder of the first file, those of an extended or included one from its own.
https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project import texts, yamls
from culm.project.compose import dotenv, merge
from culm.project.compose.interpolation import Interpolated, interpolate
from culm.project.compose.services import ComposeService, is_remote
from culm.project.compose.tree import (
    Fill,
    Scalar,
    SourceLine,
    Table,
    Tree,
    absent,
    listed,
    refuse,
    table,
    text,
    tree_of,
    with_text,
)
from culm.project.compose.tree import Sequence as Listing
from culm.project.load import shown

FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    *("compose.override.yaml", "compose.override.yml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
ENVIRONMENT_FILE = ".env"


@record
class Unset:
    """A variable without a value and without a default."""

    place: SourceLine
    name: str


@record
class Compose:
    """A compose file, or several of them, as one."""

    name: str
    """What the file says, or nothing."""
    root: Path
    services: Mapping[str, ComposeService]
    others: Mapping[str, Tree]
    """The top level but `services`, `include` and `name`."""
    environment: Mapping[str, str]
    """What variables were filled in from."""
    unset: tuple[Unset, ...]

    def started(self, profiles: Sequence[str] = ()) -> dict[str, ComposeService]:
        """Return the services that run when these profiles are asked for, or those of COMPOSE_PROFILES."""
        wanted = set(profiles or filter(None, self.environment.get("COMPOSE_PROFILES", "").split(",")))
        return {
            name: service
            for name, service in self.services.items()
            if not service.profiles or "*" in wanted or wanted & set(service.profiles)
        }


def usual_files(folder: Path) -> list[Path]:
    """Return the file that compose takes in a folder when none is named, and the one that it lays over it."""
    base = next((path for name in FILES if (path := folder / name).is_file()), None)
    if base is None:
        return []
    upper = next((path for name in OVERRIDES if (path := folder / name).is_file()), None)
    return [base] if upper is None else [base, upper]


def load(
    paths: Sequence[Path], environment: Mapping[str, str], *, filled: bool = True, lenient: bool = False
) -> Compose:
    """Return the model of these files, the later ones over the earlier ones.

    `filled`: whether variables are filled in; without, values stay as they are written. `lenient`: whether a variable
    that is required may be missing, as any other.

    Raises:
        UsageError: something cannot be read or is not what it must be; with file and line.
    """
    root = paths[0].absolute().parent
    return Loader(environment, filled=filled, lenient=lenient).model(paths, root, root / ENVIRONMENT_FILE, ())


class Loader:
    def __init__(self, environment: Mapping[str, str], *, filled: bool, lenient: bool) -> None:
        self.environment = dict(environment)
        self.filled = filled
        self.lenient = lenient

    def model(self, paths: Sequence[Path], root: Path, env_file: Path, chain: tuple[Path, ...]) -> Compose:
        """Return the model of files whose paths are seen from `root`; `chain` are the files that include them."""
        environment = {**env_of(env_file, self.environment), **self.environment}
        inner = Loader(environment, filled=self.filled, lenient=self.lenient)
        whole: Table | None = None
        for path in paths:
            if path.resolve() in chain:
                raise UsageError(f"{shown(path)} includes itself")
            read = inner.document(path, root)
            services = {name: inner.extended(name, read, path, root, ()) for name in services_of(read)}
            place = read.entries["services"].place if "services" in read.entries else read.place
            read = replace(read, entries={**read.entries, "services": Table(place=place, entries=services)})
            whole = read if whole is None else merge.files(whole, read)
        assert whole is not None
        merged = services_of(whole)
        others = {key: value for key, value in whole.entries.items() if key not in ("services", "include", "name")}
        unset = list(unset_in(whole))
        for model, place in inner.included(whole, root, (*chain, *(path.resolve() for path in paths))):
            for name, service in model.services.items():
                if name in merged and merged[name] != service.table:
                    refuse(place, f"the service {name} is in the included file and here, too", "give one another name")
                merged[name] = service.table
            for key, value in model.others.items():
                others[key] = merge.over(value, others[key], ("", key)) if key in others else value
            unset += model.unset
        return Compose(
            name=text(whole.get("name"), "name"),
            root=root,
            services={
                name: ComposeService(name=name, table=service)
                for name, service in merged.items()
                if service.rule != "reset"
            },
            others=others,
            environment=environment,
            unset=tuple(dict.fromkeys(unset)),
        )

    def document(self, path: Path, root: Path) -> Table:
        """Return a file's top level, its paths absolute."""
        file = shown(path)
        try:
            source = texts.read(path)
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
        node = yamls.compose(source, file)
        if node is None or yamls.is_null(node):
            return Table(place=SourceLine(file=file, line=1))
        fill: Fill = self.fill if self.filled else unfilled
        tree = tree_of_file(node, file, fill)
        services = {name: absolute(each, root) for name, each in services_of(tree).items()}
        entry = tree.entries.get("services")
        if entry is None:
            return tree
        return replace(tree, entries={**tree.entries, "services": Table(place=entry.place, entries=services)})

    def fill(self, text: str) -> Interpolated:
        return interpolate(text, self.environment, lenient=self.lenient)

    def extended(
        self, name: str, document: Table, path: Path, root: Path, chain: tuple[tuple[Path, str], ...]
    ) -> Table:
        """Return a service with what it extends below it."""
        service = services_of(document)[name]
        wish = service.get("extends")
        if wish is None or absent(wish):
            return service
        if (path.resolve(), name) in chain:
            refuse(wish.place, f"services.{name}.extends goes in a circle")
        what = f"services.{name}.extends"
        other, file = (text(wish, what), "") if isinstance(wish, Scalar) else ("", "")
        if isinstance(wish, Table):
            other, file = (text(wish.get(key), f"{what}.{key}") for key in ("service", "file"))
        other_path = path
        if file:
            if is_remote(file):
                refuse(wish.place, f"{what}.file is not on this machine", "culm fetches nothing: copy it here")
            other_path = root / file
            if not other_path.is_file():
                refuse(wish.place, f"{what}.file: there is no {shown(other_path)}")
            root = other_path.absolute().parent
            document = self.document(other_path, root)
        if other not in services_of(document):
            refuse(wish.place, f"{what}: there is no service {other!r} in {shown(other_path)}")
        base = self.extended(other, document, other_path, root, (*chain, (path.resolve(), name)))
        own = replace(service, entries={key: value for key, value in service.entries.items() if key != "extends"})
        result = merge.over(base, own)
        assert isinstance(result, Table)
        return replace(result, place=service.place)

    def included(self, whole: Table, root: Path, chain: tuple[Path, ...]) -> Iterator[tuple[Compose, SourceLine]]:
        """Yield the models that a file includes."""
        for item in listed(whole.get("include"), "include"):
            if isinstance(item, Table):
                named = item.get("path")
                paths = [text(each, "include.path") for each in listed(merge.sequence(named), "path")] if named else []
                folder = text(item.get("project_directory"), "include.project_directory")
                env = text(item.get("env_file"), "include.env_file") if not absent(item.get("env_file")) else ""
            else:
                paths, folder, env = [text(item, "include")], "", ""
            if not paths:
                refuse(item.place, "include.path is missing")
            if any("://" in path for path in paths):
                refuse(item.place, "what is included is not on this machine", "culm fetches nothing: copy it here")
            files = [root / path for path in paths]
            for file in files:
                if not file.is_file():
                    refuse(item.place, f"include: there is no {shown(file)}")
                if file.resolve() in chain:
                    refuse(item.place, f"include: {shown(file)} goes in a circle")
            base = Path(path_from(root, folder)) if folder else Path(os.path.normpath(files[0].parent.absolute()))
            yield self.model(files, base, root / env if env else base / ENVIRONMENT_FILE, chain), item.place


def alone(source: str, file: str) -> dict[str, ComposeService]:
    """Return the services of one file as they are written: nothing is filled in, extended, included or made absolute.

    Raises:
        UsageError: it is no compose file; with file and line.
    """
    node = yamls.compose(source, file)
    if node is None or yamls.is_null(node):
        return {}
    written = services_of(tree_of_file(node, file, unfilled))
    return {name: ComposeService(name=name, table=each) for name, each in written.items()}


def unfilled(text: str) -> Interpolated:
    return Interpolated(text=text, missing=())


def tree_of_file(node: yaml.Node, file: str, fill: Fill) -> Table:
    """Return the top level of a file, whose services may stand there without a name above them."""
    place = SourceLine(file=file, line=yamls.line(node))
    if not isinstance(node, yaml.MappingNode):
        refuse(place, "this is no compose file: it is to be a mapping with `services:`")
    entries = {key: tree_of(value, file, fill) for key, value in yamls.pairs(node)}
    if "services" not in entries and all(isinstance(each, Table) for each in entries.values()):
        services = {key: each for key, each in entries.items() if isinstance(each, Table)}
        if any({"image", "build"} & set(each.entries) for each in services.values()):  # as before compose had versions
            entries = {"services": Table(place=place, entries=services)}
    return Table(place=place, entries=entries)


def services_of(document: Table) -> dict[str, Table]:
    """Return the services by name, each a mapping."""
    result = {}
    for name, service in table(document.get("services"), "services").items():
        if absent(service) or service.rule == "reset":
            service = Table(place=service.place, rule=service.rule)
        if not isinstance(service, Table):
            refuse(service.place, f"services.{name} is to be a mapping")
        result[name] = service
    return result


def env_of(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an `.env`; none where there is no such file."""
    if not path.is_file():
        return {}
    try:
        return dotenv.parse(texts.read(path), environment)
    except dotenv.EnvironmentFileError as error:
        raise UsageError(f"{shown(path)}:{error.line}: {error.problem}") from None


def absolute(service: Table, root: Path) -> Table:
    """Return the service with its paths seen from nowhere in particular."""
    entries = dict(service.entries)
    if (build := entries.get("build")) is not None and not absent(build):
        entries["build"] = absolute_build(merge.build(build), root)
    if (named := entries.get("env_file")) is not None and not absent(named):
        files = merge.sequence(named)
        assert isinstance(files, Listing)
        entries["env_file"] = replace(files, items=tuple(absolute_entry(each, root, "path") for each in files.items))
    if isinstance(volumes := entries.get("volumes"), Listing):
        entries["volumes"] = replace(volumes, items=tuple(absolute_mount(each, root) for each in volumes.items))
    return replace(service, entries=entries)


def absolute_build(build: Tree, root: Path) -> Tree:
    """Return a `build:` whose context is an absolute path below `root`; a URL stays as it is."""
    if not isinstance(build, Table):
        return build
    entries = dict(build.entries)
    context = entries.get("context")
    if context is None or absent(context):
        here = str(root)
        entries["context"] = Scalar(place=build.place, text=here, raw=".")
    elif isinstance(context, Scalar) and not is_remote(context.text):
        entries["context"] = with_text(context, path_from(root, context.text))
    contexts = entries.get("additional_contexts")
    if contexts is not None and isinstance(named := merge.named(contexts), Table):
        entries["additional_contexts"] = replace(
            named,
            entries={
                name: with_text(each, path_from(root, each.text))
                if isinstance(each, Scalar) and "://" not in each.text and ":" not in each.text
                else each
                for name, each in named.entries.items()
            },
        )
    return replace(build, entries=entries)


def absolute_entry(item: Tree, root: Path, key: str) -> Tree:
    """Return an item, or its member `key`, with its path made absolute below `root`."""
    if isinstance(item, Table) and isinstance(path := item.get(key), Scalar):
        return replace(item, entries={**item.entries, key: with_text(path, path_from(root, path.text))})
    return with_text(item, path_from(root, item.text)) if isinstance(item, Scalar) and not item.null else item


def absolute_mount(item: Tree, root: Path) -> Tree:
    """Return a volume with the path of this machine made absolute; a named volume stays as it is."""
    if isinstance(item, Table):
        kind = item.get("type")
        return absolute_entry(item, root, "source") if isinstance(kind, Scalar) and kind.text == "bind" else item
    if isinstance(item, Scalar) and item.text.startswith((".", "~")) and ":" in item.text:
        source, _, rest = item.text.partition(":")
        return with_text(item, f"{path_from(root, source)}:{rest}")
    return item


def path_from(root: Path, path: str) -> str:
    """Return an absolute path without `.` and `..`; `~` is whose home it is."""
    if re.match(r"[A-Za-z]:[\\/]", path):
        return path
    return os.path.normpath(root / os.path.expanduser(path))


def unset_in(tree: Tree) -> Iterator[Unset]:
    """Yield every variable below `tree` that was written without a default and has no value."""
    match tree:
        case Scalar():
            yield from (Unset(place=tree.place, name=name) for name in tree.missing)
        case Listing():
            for item in tree.items:
                yield from unset_in(item)
        case Table():
            for value in tree.entries.values():
                yield from unset_in(value)


def arguments_of(model: Compose, service: ComposeService) -> dict[str, str]:
    """Return its build arguments; one without a value has it from the environment, or is not given."""
    build = service.build
    result: dict[str, str] = {}
    for name, value in (build.args if build is not None else {}).items():
        if not value.null:
            result[name] = value.text
        elif name in model.environment:
            result[name] = model.environment[name]
    return result


def environment_of(model: Compose, service: ComposeService) -> dict[str, str]:
    """Return what a service's containers get: its `env_file:`s one over the other, then `environment:`.

    Raises:
        UsageError: a file that is required is not there, or cannot be read.
    """
    result: dict[str, str] = {}
    for file in service.environment_files:
        path = Path(file.path)
        if not path.is_file():
            if file.required:
                refuse(file.place, f"{service.key('env_file')}: there is no {shown(path)}")
            continue
        if file.raw:
            pairs = (line.partition("=") for line in texts.read(path).splitlines() if line and line[0] != "#")
            result |= {name: value for name, _, value in pairs}
            continue
        try:
            result |= dotenv.parse(texts.read(path), model.environment, result)
        except dotenv.EnvironmentFileError as error:
            raise UsageError(f"{shown(path)}:{error.line}: {error.problem}") from None
    for name, value in service.environment.items():
        if not value.null:
            result[name] = value.text
        elif name in model.environment:
            result[name] = model.environment[name]
    return result

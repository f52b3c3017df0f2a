"""A first culm.yml, from what is there: a compose file, Dockerfiles in nested folders, a Procfile, dependencies.

A compose file in the root that builds something says the most, and is imported. Otherwise every Dockerfile is a
service, built from the folder that its COPY lines are seen from. Where there is none, one is written for each folder
that says how it starts. The rest is filled in as for an import (`candidates`); it ends with a file that loads.
"""

import glob
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from culm.errors import UsageError
from culm.lint import rules
from culm.lint.findings import Setting
from culm.project import dockerfile
from culm.project.compose.load import usual_files
from culm.project.load import shown
from culm.scaffold import compose_roles, guess, names, published_images, starter, vault_secrets
from culm.scaffold.candidates import (
    Outline,
    Written,
    add_migration,
    as_mapping,
    complete,
    takes_a_command,
    tell_cache,
    tell_port,
)
from culm.scaffold.compose import Imported, imported, read
from culm.scaffold.compose_keys import OF_THIS_MACHINE
from culm.scaffold.compose_notes import Notes
from culm.scaffold.database_variables import read_in
from culm.scaffold.draft import Block, Commented, Draft, settled
from culm.scaffold.guess import ImageSource, Migration
from culm.scaffold.sources import NAMED, NOT_OURS, PROGRAMS, TESTS, Sources, code_folder, folders

DEEPEST = 4
IGNORE_FILE = ".dockerignore"
PASSED_OVER = (
    NOT_OURS
    | TESTS
    | {"debian", "rpm", "deb", "snap", "flatpak", "nfpm"}
    | {"ci", "hack", "tools", "devcontainer", "dev-container", "base", "base-image", "benchmarks", "bench"}
)
VARIANTS = frozenset(
    {
        "dev",
        "development",
        "test",
        "tests",
        "testing",
        "prod",
        "production",
        "staging",
        "stg",
        "local",
        "ci",
        "debug",
        "build",
        "builder",
    }
    | {
        "default",
        "distroless",
        "fpm",
        "apache",
        "rootless",
        "base",
        "migrate",
        "migrations",
        "arm64",
        "amd64",
        "arm",
        "alpine",
        "slim",
        "debian",
        "ubuntu",
        "windows",
        "buildkit",
        "multi",
    }
    | {
        "dockerignore",
        "md",
        "j2",
        "tmpl",
        "template",
        "in",
        "old",
        "bak",
        "orig",
        "example",
        "sample",
        "new",
        "release",
        "ignore",
        "txt",
    }
)
"""Endings of Dockerfiles' names that tell another form of the same image, or no image."""
PLAIN = ("Dockerfile", "Containerfile", "dockerfile")
PREFERRED = ("prod", "production", "release", "default", "alpine", "slim")
GENERAL = frozenset(
    {"docker", "app", "src", "deploy", "deployment", "container", "image", "images", "dockerfiles", "code", "server"}
    | {"packaging", "scripts"}
)
"""Names of folders that say nothing about the service in them."""
Ask = Callable[[str], int | None]


def first_manifest(root: Path, draft: Draft, environment: Mapping[str, str], ask: Ask | None = None) -> Imported:
    """Return the draft, of a culm.yml for the folder `root`. `ask` puts a question that has a port as its answer.

    Raises:
        UsageError: nothing in the folder can be deployed.
    """
    composed = of_compose(root, draft, environment)
    if composed is not None and any("build" in block.keys for block in composed.draft.services.values()):
        return composed
    written = Written()
    images = found_images(root, draft) or started(root, draft, written)
    if not images and not draft.services:
        raise UsageError(
            f"no folder in {root} has a Dockerfile or says how it starts"
            + (", and the compose file has no service of your own" if composed is not None else "")
            + "".join(f"; {comment}" for comment in draft.comments if "is left out: " in comment),
            "go to the folder that holds your services' folders, or write one; `culm new NAME` writes a service",
        )
    candidates = [*candidates_of(root, images, draft)]
    for candidate in list(candidates):
        start(candidate)
        candidates += processes(candidate, draft, written)
    for candidate in candidates:
        draft.services[candidate.name] = candidate.block
    complete(draft, candidates, written, ask)
    for candidate in candidates:
        tell_cache(draft, candidate)
        tell_port(draft, candidate)
        tell_settings(candidate, written)
    vault_secrets.tell(candidates)
    vault_secrets.tell_files(draft, candidates)
    settle(draft, root, written)
    if not draft.services:
        raise UsageError(f"nothing in {root} can be deployed: {'; '.join(draft.comments)}")
    return Imported(draft=draft, notes=composed.notes if composed is not None else Notes(), files=written.files)


def tell_settings(candidate: Outline, written: Written) -> None:
    """Give a service the settings of an `.env` that stays out of its image, as far as its code reads them.

    What is a secret, or names this machine, is nothing for culm.yml.
    """
    sources = candidate.sources
    if sources is None or starter.ENVIRONMENT_FILE not in written.files.get(sources.folder / IGNORE_FILE, "").split():
        return
    environment = as_mapping(candidate.block.get("environment"))
    taken = {*environment, *as_mapping(candidate.block.get("secrets"))}
    new = {
        name: value
        for name, value in starter.settings(sources).items()
        if name in read_in(sources) - taken and value and not OF_THIS_MACHINE.search(value)
        if rules.judge(Setting(line=0, name=name, value=value)) is None
    }
    if new:
        candidate.block.put("environment", environment | new)


def settle(draft: Draft, root: Path, written: Written) -> None:
    """Settle the draft until it loads; files that it names are there for as long as culm looks."""
    new = [path for path in written.files if not path.exists()]
    try:
        for path in new:
            path.write_text(written.files[path], encoding="utf-8", errors="surrogateescape")
        settled(draft, root)
    finally:
        for path in new:
            path.unlink()


def of_compose(root: Path, draft: Draft, environment: Mapping[str, str]) -> Imported | None:
    """Return what the compose file in the root gives; None where there is none, or none that can be read."""
    paths = usual_files(root)
    if not paths:
        return None
    try:
        model = read(paths, environment, lenient=True)
        built = published_images.built(model, found_images(root, Draft(name=draft.name)))
        result = imported(built, root, draft)
    except UsageError as error:
        result = Imported(draft=draft, notes=Notes(), files={})
        result.draft.comments.append(f"{shown(paths[0])} could not be read: {error.what}")
        return result
    listed, command = ", ".join(map(shown, paths)), shlex.join(["culm", "import", "--force", *map(shown, paths)])
    for name, service in model.services.items():
        if built.services[name] is not service:
            result.draft.comments.append(
                f"{name} is built from its Dockerfile; the compose file takes it ready-made: `image: {service.image}`"
            )
    result.draft.comments.append(f"From {listed}; `{command}` names each key that has no place here.")
    return result


def found_images(root: Path, draft: Draft) -> list[tuple[str, ImageSource]]:
    """Return every Dockerfile of a service, with the name that its place gives it."""
    result: list[tuple[str, ImageSource]] = []
    for folder in folders(root, DEEPEST, PASSED_OVER):
        for part, path in dockerfiles(folder):
            image = with_context(root, path)
            place = Path(os.path.relpath(folder, root))
            apart = image.folder != folder and folder.name.lower() in VARIANTS
            named = place.parent if apart else place
            says_nothing = image.folder == root and {each.lower() for each in named.parts} <= GENERAL
            given = part or (root.name if says_nothing else name_of(named, root))
            engine = next((each for base in image.bases if (each := compose_roles.engine_of(base))), None)
            if engine is not None:
                if (served := compose_roles.served(engine)) is not None:
                    name = "main" if "main" not in draft.databases else served
                    draft.databases[name] = Commented(
                        value={"engine": served}, comment=f"{shown_place(place, path)} begins FROM {image.bases[0]}"
                    )
                continue
            if any(compose_roles.PROXY.search(base) for base in image.bases) and compose_roles.only_configures(image):
                draft.comments.append(f"{shown_place(place, path)} is left out: the load balancer is a proxy already")
                continue
            if not image.instructions:
                draft.comments.append(f"{shown_place(place, path)} is left out: it cannot be read")
            elif starts_nothing(image):
                draft.comments.append(no_command(root, path))
            else:
                result.append((given, image))
    return told_apart(one_form_of_each(result), root)


def one_form_of_each(images: Sequence[tuple[str, ImageSource]]) -> list[tuple[str, ImageSource]]:
    """Return the images, of those in folders such as `docker/alpine` and `docker/distroless` only one."""
    forms: dict[tuple[Path, Path], list[tuple[str, ImageSource]]] = {}
    for given, image in images:
        place = image.path.parent
        apart = image.folder != place and place.name.lower() in VARIANTS
        forms.setdefault((place.parent if apart else image.path, image.folder), []).append((given, image))
    order = {word: number for number, word in enumerate(PREFERRED)}
    return [
        min(same, key=lambda each: order.get(each[1].path.parent.name.lower(), len(order))) for same in forms.values()
    ]


def shown_place(place: Path, path: Path) -> str:
    return path.name if str(place) == "." else f"{place}/{path.name}"


def no_command(root: Path, path: Path) -> str:
    """Return the comment on a Dockerfile that is no service."""
    return f"{os.path.relpath(path, root)} is left out: it has no CMD, so it starts nothing"


def starts_nothing(image: ImageSource) -> bool:
    """Return whether an image is there only for others to build on."""
    if image.command() or image.ports():
        return False
    return not any(re.search(pattern, base) for base in image.bases for pattern, _ in guess.BASES)


def dockerfiles(folder: Path) -> list[tuple[str, Path]]:
    """Return the Dockerfiles of a folder that are services, with NAME of `Dockerfile.NAME` and `NAME.Dockerfile`."""
    plain = next((folder / name for name in PLAIN if (folder / name).is_file()), None)
    named: list[tuple[str, Path]] = []
    variants: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = re.fullmatch(r"(?i)dockerfile[._-](?P<after>[\w-]+)|(?P<before>[\w-]+)\.dockerfile", path.name)
        if match is None or not path.is_file():
            continue
        part = (match["after"] or match["before"]).lower()
        if part in VARIANTS or part.split("-")[0] in VARIANTS or part.split("-")[-1] in VARIANTS:
            variants[part] = path
        else:
            named.append((part, path))
    result: list[tuple[str, Path]] = [("", plain)] if plain is not None else []
    result += named
    if not result and variants:
        best = next((variants[word] for word in PREFERRED if word in variants), None)
        usable = {
            part: path
            for part, path in variants.items()
            if part not in ("migrate", "migrations", "dockerignore", "test", "tests", "md", "txt")
        }
        if best is not None or usable:
            result.append(("", best or next(iter(usable.values()))))
    return result


def with_context(root: Path, path: Path) -> ImageSource:
    """Return the Dockerfile with the folder that it is built from.

    That is the nearest from which all that it copies is seen.
    """
    image = guess.image(path, path.parent, {})
    sources = list(copied(image))
    best, most = path.parent, -1
    folder = path.parent
    while True:
        there = sum(1 for source in sources if seen_from(folder, source))
        if there > most:
            best, most = folder, there
        if folder == root:
            break
        folder = folder.parent
    if best == path.parent and not sources and takes_all(image) and not holds_program(best):
        above = (folder for folder in best.parents if folder == root or root in folder.parents)
        best = next((folder for folder in above if holds_program(folder)), best)
    return guess.image(path, best, {})


def takes_all(image: ImageSource) -> bool:
    """Return whether an image copies its whole context."""
    copies = [each for each in image.instructions if each.keyword in ("COPY", "ADD") and each.flag("from") is None]
    return any("." in {source.rstrip("/") for source in dockerfile.words(each.rest)[:-1]} for each in copies)


def holds_program(folder: Path) -> bool:
    """Return whether a folder itself has a file that names dependencies, or code."""
    try:
        return any(path.name in NAMED or path.suffix in PROGRAMS for path in folder.iterdir() if path.is_file())
    except OSError:
        return False


def copied(image: ImageSource) -> Iterable[str]:
    """Yield what an image copies of its context, as far as that tells one folder from another."""
    for instruction in image.instructions:
        if instruction.keyword not in ("COPY", "ADD") or instruction.flag("from") is not None or instruction.documents:
            continue
        for source in (instruction.form or dockerfile.words(instruction.rest))[:-1]:
            if "$" not in source and "://" not in source and source.strip("./") not in ("", "*"):
                yield source.lstrip("/")


def seen_from(folder: Path, source: str) -> bool:
    """Return whether a COPY source is there when the image is built from `folder`."""
    if any(sign in source for sign in "*?["):
        return bool(glob.glob(str(folder / source)))
    return (folder / source).exists()


def name_of(place: Path, root: Path) -> str:
    """Return a service's name by its folder: the nearest one that says something."""
    for part in reversed(place.parts):
        if part.lower() not in GENERAL and names.plain(part):
            return part
    return place.name if place.parts and names.plain(place.name) and len(place.parts) > 1 else root.name


def told_apart(images: Sequence[tuple[str, ImageSource]], root: Path) -> list[tuple[str, ImageSource]]:
    """Put the folder's name before names that several have."""
    given = [name for name, _ in images]
    result = []
    for name, image in images:
        if given.count(name) > 1:
            place = Path(os.path.relpath(image.path.parent, root))
            parts = [part for part in place.parts if part.lower() not in ("services", "apps", "src", "packages")]
            name = "-".join(parts[-2:]) or name
        result.append((name, image))
    return result


def started(root: Path, draft: Draft, written: Written) -> list[tuple[str, ImageSource]]:
    """Return the folders without an image that starts, and that say how they start.

    A Dockerfile that is there stays as it is: where it has no CMD, `start` gives one. Where there is none, or none that
    can be read, one is written.
    """
    result: list[tuple[str, ImageSource]] = []
    for folder in folders(root, 2, PASSED_OVER):
        if any(parent in {image.folder for _, image in result} for parent in (folder, *folder.parents)):
            continue
        made = starter.dockerfile(Sources(folder))
        if made is None:
            continue
        name = name_of(Path(os.path.relpath(folder, root)), root)
        own = next((folder / plain for plain in PLAIN if (folder / plain).exists()), None)
        if own is not None and made.command and (image := guess.image(own, folder, {})).instructions:
            result.append((name, image))
            draft.comments = [each for each in draft.comments if each != no_command(root, own)]
            continue
        path = folder / ("Dockerfile" if own is None else "Dockerfile.culm")
        written.files[path] = made.text
        if not (folder / IGNORE_FILE).exists():
            written.files[folder / IGNORE_FILE] = starter.ignored(Sources(folder))
        image = ImageSource(path=path, folder=folder, instructions=dockerfile.parse(made.text), args={})
        result.append((name, image))
    return result


def start(candidate: Outline) -> None:
    """Give a service whose Dockerfile has no CMD the command by which its folder says that it starts."""
    if candidate.image is None or candidate.sources is None or not starts_nothing(candidate.image):
        return
    made = starter.dockerfile(candidate.sources)
    if made is None or not made.command:
        return
    key = "command" if takes_a_command(candidate.image) else "entrypoint"
    candidate.block.put(key, ["sh", "-c", made.standalone], f"by {made.why}; its Dockerfile has no CMD")
    candidate.command = (made.standalone,)
    if not candidate.image.ports():
        candidate.block.put("port", int(made.port), "by that command")


def candidates_of(root: Path, images: Sequence[tuple[str, ImageSource]], draft: Draft) -> list[Outline]:
    if not draft.fixed:
        draft.name = names.project_for((given for given, _ in images), draft.name)
    before = [f"{name}\0" for name in draft.services]  # the zeros keep equal names apart; they do not reach the names
    given_names = [f"{given}{chr(0) * (number + 2)}" for number, (given, _) in enumerate(images)]
    unique = list(names.service_names([*before, *given_names], draft.name).values())[len(before) :]
    result = []
    for (given, image), name in zip(images, unique, strict=True):
        block = Block(name=name)
        block.put("build", os.path.relpath(image.folder, root))
        if (inner := os.path.relpath(image.path, image.folder)) != "Dockerfile":
            block.put("dockerfile", inner)
        own = code_folder(image.path, image.folder)
        if own.name.lower() in GENERAL and own != image.folder and own.name.lower() != "app":
            own = image.folder
        result.append(Outline(given=given, block=block, image=image, sources=Sources(own)))
    return result


def processes(candidate: Outline, draft: Draft, written: Written) -> list[Outline]:
    """Return the other process types of a Procfile: workers from the same image; `release` is the migration."""
    if candidate.sources is None or candidate.image is None:
        return []
    result = []
    lines = starter.processes(candidate.sources)
    for kind, line in lines.items():
        if kind == "web":
            continue
        if kind == "release":
            if guess.MIGRATION.search(line):
                add_migration(candidate, Migration(command=("sh", "-c", line), why="Procfile"), written)
            continue
        taken = [*draft.services, candidate.name]
        name = list(
            names.service_names(
                [*taken, kind if kind not in taken else f"{candidate.name}-{kind}"], draft.name
            ).values()
        )[-1]
        block = Block(name=name)
        for key in ("build", "dockerfile"):
            if key in candidate.block.keys:
                block.keys[key] = candidate.block.keys[key]
        key = "command" if takes_a_command(candidate.image) else "entrypoint"
        block.put(key, ["sh", "-c", line], "by its Procfile")
        result.append(
            Outline(
                given=kind,
                block=block,
                image=candidate.image,
                command=(line,),
                sources=candidate.sources,
                listens=False,
            )
        )
    return result

"""Compose files as culm.yml: what maps, and each thing that does not, by file and line.

First every service gets its role (`compose_roles`), then what is built or runs a ready image becomes a block, key by
key (`compose_keys`), then migrations find the service whose image they share, and what is still open (ports, health
pages) is filled in from the folders as `culm init` does it (`candidates`). What culm would refuse all the same is taken
out and said.
https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path

from culm.core.model.record import record
from culm.lint.commands import leak_of_words
from culm.project import dockerfile
from culm.project.compose.load import Compose, arguments_of, load
from culm.project.compose.services import Build, ComposeService
from culm.project.compose.tree import SourceLine, missing
from culm.project.engines import CACHES
from culm.project.load import shown
from culm.scaffold import (
    compose_commands,
    compose_languages,
    compose_mounts,
    compose_roles,
    compose_servers,
    database_variables,
    guess,
    names,
    vault_secrets,
)
from culm.scaffold.candidates import (
    ANY_ANSWER,
    Outline,
    Written,
    add_migration,
    complete,
    database_names,
    tell_hosts,
    tell_port,
)
from culm.scaffold.compose_keys import KeyImport, variables_of, with_sample
from culm.scaffold.compose_notes import Notes
from culm.scaffold.compose_roles import Role
from culm.scaffold.draft import Block, Commented, Draft, settled
from culm.scaffold.guess import ImageSource, Migration
from culm.scaffold.sources import Sources, code_folder

TOP_LEVEL = {
    "version": "compose itself takes no notice of it",
    "networks": "every service reaches the others through the load balancer",
    "secrets": "services have theirs as `files:`, from the vault: culm vault put",
    "configs": "put them into conf/ and the vault",
    "volumes": "",
    "models": "culm runs no models",
}


@record
class Imported:
    """What becomes of a compose file."""

    draft: Draft
    notes: Notes
    files: dict[Path, str]
    """Beside culm.yml."""

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self.draft.services)


def read(paths: Sequence[Path], environment: Mapping[str, str], *, lenient: bool = False) -> Compose:
    """Read these files as a model, with variables of `.env.example` or another sample where there is no `.env`.

    `lenient`: whether variables that are required may be missing.

    Raises:
        UsageError: something cannot be read or is not what it must be; with file and line.
    """
    variables, _ = with_sample(paths[0].absolute().parent, environment)
    return load(paths, variables, lenient=lenient)


def imported(model: Compose, root: Path, draft: Draft, profiles: Sequence[str] = ()) -> Imported:
    """Return the draft, of a culm.yml in `root`, with the services of `model` that run with these profiles.

    Raises:
        UsageError: a value of the compose file cannot be what it says; with file and line.
    """
    return Import(model, root, draft, profiles).run()


class Import:
    """One model on its way."""

    def __init__(self, model: Compose, root: Path, draft: Draft, profiles: Sequence[str]) -> None:
        self.model = model
        self.root = root
        self.draft = draft
        self.notes = Notes()
        self.written = Written()
        self.services = self.with_code(self.chosen(profiles))
        self.images: dict[str, ImageSource] = {}
        for each in self.services.values():
            if (image := self.image_of(each)) is not None:
                self.images[each.name] = image
        finished = {
            name
            for service in model.services.values()
            for name, dependency in service.depends_on.items()
            if dependency.condition == "service_completed_successfully"
        }
        self.roles: dict[str, Role] = {
            each: compose_roles.role(service, self.images.get(each), each in finished)
            for each, service in self.services.items()
        }

    def chosen(self, profiles: Sequence[str]) -> dict[str, ComposeService]:
        """Return the services that run, and note each that does not."""
        started = self.model.started(profiles)
        if not started:
            return dict(self.model.services)
        for name, service in self.model.services.items():
            if name not in started:
                which = ", ".join(service.profiles)
                self.notes.add(service.place, f"services.{name}", f"only runs with its profile: --profile {which}")
        return started

    def with_code(self, services: Mapping[str, ComposeService]) -> dict[str, ComposeService]:
        """Return the services; those that serve mounted code by a language's own image are built."""
        folders = {each.build.folder for each in self.model.services.values() if each.build is not None}
        taken = {folder.resolve() for folder in folders if folder is not None}
        return {
            name: each
            if compose_roles.migrates(each) or compose_roles.builds_assets(each)
            else compose_languages.built(each, self.root, taken, self.notes)
            for name, each in services.items()
        }

    def image_of(self, service: ComposeService) -> ImageSource | None:
        """Return what a service is built from; None for a ready image, and for what is built from elsewhere."""
        build = service.build
        if build is None or build.folder is None:
            other = self.builder_of(service) if build is None else None
            return self.image_of(other) if other is not None else None
        path = build.folder / build.dockerfile
        if build.inline is not None:
            path = build.folder / f"Dockerfile.{names.plain(service.name) or 'inline'}"
            self.written.files.setdefault(path, build.inline)
            try:
                read = dockerfile.parse(build.inline)
            except dockerfile.DockerfileError:
                read = []
            return ImageSource(
                path=path, folder=build.folder, instructions=read, args=arguments_of(self.model, service)
            )
        arguments = arguments_of(self.model, service)
        if not build.target and (text := self.with_mounted_code(service, path, build.folder)) is not None:
            written = self.name_for(build.folder, service.name, text)
            self.written.files[written] = text
            return ImageSource(path=written, folder=build.folder, instructions=dockerfile.parse(text), args=arguments)
        stage = "" if self.code_is_mounted(service, build, path) else build.target
        return guess.image(path, build.folder, arguments, stage or None)

    def with_mounted_code(self, service: ComposeService, path: Path, folder: Path) -> str | None:
        """Return the Dockerfile with the code that only compose mounts.

        None where it has its code, or cannot be read.
        """
        return compose_mounts.with_code(guess.image(path, folder, {}), service.mounts, self.root)

    def name_for(self, folder: Path, service: str, text: str) -> Path:
        """Return a path for a Dockerfile that nobody wrote; services with the same one share it."""
        path = folder / compose_mounts.NAME
        taken = path.exists() if path not in self.written.files else self.written.files[path] != text
        return folder / f"{compose_mounts.NAME}.{names.plain(service)}" if taken else path

    def code_is_mounted(self, service: ComposeService, build: Build, path: Path) -> bool:
        """Return whether the named stage has this machine's folder mounted, and the last stage copies it instead."""
        if not build.target or build.folder is None:
            return False
        binds = [self.root / mount.source for mount in service.mounts if mount.kind == "bind"]
        if not any(inside(bind, build.folder) for bind in binds):
            return False
        last, named = guess.image(path, build.folder, {}), guess.image(path, build.folder, {}, build.target)
        return not copies_folder(named) and copies_folder(last)

    def builder_of(self, service: ComposeService) -> ComposeService | None:
        """Return the service that builds the image which this one only names."""
        if not service.image:
            return None
        for other in self.model.services.values():
            if other.build is not None and other.image == service.image:
                return other
        return None

    def run(self) -> Imported:
        """Import the file. Returns what was made of it, and notes about all that was left out."""
        self.top_level()
        kept = self.sorted([name for name, role in self.roles.items() if role in ("service", "image")])
        if not self.draft.fixed:
            self.draft.name = names.project_for(kept, self.draft.name)
        called = names.service_names(kept, self.draft.name)
        self.databases()
        carried = KeyImport(self.model, self.notes, self.roles, called, self.draft)
        candidates: dict[str, Outline] = {}
        for name in kept:
            candidate = self.candidate(name, called[name], carried)
            if candidate is not None:
                candidates[name] = candidate
                self.draft.services[candidate.name] = candidate.block
        for name, role in self.roles.items():
            if role == "migration":
                self.migration(name, candidates)
            elif role not in ("service", "image", "database"):
                self.notes.add(self.services[name].place, f"services.{name}", self.why_left_out(name, role))
        self.order(called, candidates)
        complete(self.draft, list(candidates.values()), self.written)
        self.users_of_databases(candidates)
        carried.references(candidates)
        for candidate in candidates.values():
            tell_hosts(self.draft, candidate, self.notes.database_names)
            tell_port(self.draft, candidate)
        vault_secrets.tell(candidates.values())
        vault_secrets.tell_files(self.draft, candidates.values())
        self.commands(candidates)
        if self.draft.services:
            self.settle()
        return Imported(draft=self.draft, notes=self.notes, files=self.written.files)

    def commands(self, candidates: Mapping[str, Outline]) -> None:
        """Let commands that name a server or a service read its address from a variable."""
        reached = {
            name: each.name for name, each in candidates.items() if each.listens and each.block.get("path") != "none"
        }
        engine = {called: self.draft.engine(called) for called in self.draft.databases}
        for name, candidate in candidates.items():
            used = database_names(candidate)
            servers = {each: called for each, called in self.notes.database_names.items() if called in used}
            others = {each: called for each, called in reached.items() if each != name}
            known = compose_commands.Names(servers=servers, engine=engine, services=others)
            if compose_commands.refer(candidate, known):
                service = self.services[name]
                what = "reads the addresses that it names from variables: compose's host names mean nothing here"
                self.notes.of(service, service.place_of("command"), "command", what)
            for key in ("entrypoint", "command"):
                words = compose_commands.as_words(candidate.block.get(key))
                if (why := leak_of_words(words)) is not None:
                    del candidate.block.keys[key]
                    place = self.services[name].place_of(key)
                    self.notes.of(self.services[name], place, key, f"left out: {why}; read it from a file of the vault")

    def settle(self) -> None:
        """Settle the draft until it loads; files that it names are there for as long as culm looks."""
        new = [path for path in self.written.files if not path.exists() and path.parent.is_dir()]
        try:
            for path in new:
                path.write_text(self.written.files[path], encoding="utf-8", errors="surrogateescape")
            for left_out in settled(self.draft, self.root):
                self.notes.add(SourceLine(file="culm.yml", line=0), "", left_out)
        finally:
            for path in new:
                path.unlink()

    def top_level(self) -> None:
        """Note the keys beside `services` that have no equivalent, and the sample of an `.env` that is not there."""
        variables, sample = with_sample(self.model.root, {})
        if sample is not None and variables.items() <= self.model.environment.items():
            self.notes.add(SourceLine(file=shown(sample), line=1), "", f"there is no .env: {sample.name} is taken")
        for key, value in self.model.others.items():
            if key.startswith("x-"):
                continue
            why = TOP_LEVEL.get(key, "has no equivalent in culm.yml")
            if why:
                self.notes.add(value.place, key, f"left out: {why}" if key in TOP_LEVEL else why)

    def databases(self) -> None:
        """Draft a server of `databases:` for each service that is one."""
        servers = [name for name, role in self.roles.items() if role == "database"]
        engines = {name: self.engine(name) for name in servers}
        for name in servers:
            alone = len(servers) == 1 or (engines[name] == "postgres" and list(engines.values()).count("postgres") == 1)
            called = "main" if alone and "main" not in self.draft.databases else names.plain(name) or "database"
            called = names.shortened(called, 20)
            while called in self.draft.databases:
                called += "-2"
            self.draft.databases[called] = Commented(
                value={"engine": engines[name]}, comment=f"{name} of the compose file"
            )
            self.notes.database_names[name] = called

    def users_of_databases(self, candidates: Mapping[str, Outline]) -> None:
        """Let services that are different programs share a database where the compose file gives them the same."""
        for name, called in self.notes.database_names.items():
            users = {each: outline for each, outline in candidates.items() if called in database_names(outline)}
            programs = {outline.block.get("build") or outline.block.get("image") for outline in users.values()}
            cache = self.draft.engine(called) in CACHES
            shared = not cache and len(programs) > 1 and self.one_database(name, users)
            entry = self.draft.databases[called]
            if shared and isinstance(entry.value, dict):
                self.draft.databases[called] = replace(entry, value={**entry.value, "shared": True})
            what = f"becomes `databases: {called}`: a server of the target"
            given = "one database, and a user" if shared else "a user" if cache else "a database"
            note = f"{what}, with {given} for each service that uses it"
            self.notes.add(self.services[name].place, f"services.{name}", note)
            compose_servers.tell(self.services[name], self.notes)

    def one_database(self, name: str, users: Mapping[str, Outline]) -> bool:
        """Return whether the programs that use a server, `name` in the compose file, mean the same database in it.

        They do where their variables name the same, and do not where those name several. Where nothing is named,
        programs that each have a migration are kept apart: such tools keep their books in a table of one name.
        """
        texts = {each: variables_of(self.model, self.services[each]) for each in users}
        named = {each: database_variables.names_in(values, name) for each, values in texts.items()}
        if len(set().union(*named.values())) > 1:
            return False
        naming = {str(users[each].block.get("build")) for each, names_ in named.items() if names_}
        migrating = {str(users[each].block.get("build")) for each in users if self.has_migration(users[each])}
        return len(naming) > 1 or len(migrating) < 2

    def has_migration(self, outline: Outline) -> bool:
        """Return whether a service migrates its database: by a key, or by the Dockerfile that means it."""
        if outline.block.get("migrate") is not None:
            return True
        path = outline.image.folder / "Dockerfile.migrate" if outline.image is not None else None
        return path is not None and (path.is_file() or path in self.written.files)

    def engine(self, name: str) -> str:
        """Return the engine of a database that the service is, by its image or what that is built on, else nothing."""
        image = self.images.get(name)
        candidates = [self.services[name].image, *(image.bases if image is not None else ())]
        return next((each for text in candidates if (each := compose_roles.served(compose_roles.engine_of(text)))), "")

    def candidate(self, name: str, called: str, carried: KeyImport) -> Outline | None:
        """Return the block of one service; None when it cannot be one, which is noted."""
        service, image = self.services[name], self.images.get(name)
        block = Block(name=called)
        key = f"services.{name}"
        if image is None:
            build = service.build
            if build is not None and not service.image:
                self.notes.add(build.place, f"{key}.build", f"{build.context} is not on this machine: clone it here")
                return None
            if absent := missing(service.at("image")):
                self.notes.add(service.place_of("image"), f"{key}.image", f"left out: {', '.join(absent)} is not set")
                return None
            if not service.image:
                self.notes.add(service.place, key, "left out: it has neither `build:` nor `image:`")
                return None
            block.put("image", service.image)
        elif not self.build(service, image, block):
            return None
        published = bool(service.port_items)
        candidate = Outline(given=name, block=block, image=image, published=published)
        candidate.command = (*(service.command("entrypoint") or ()), *(service.command() or ()))
        candidate.sources = Sources(self.folder_of(service, image)) if image is not None else None
        carried.service(service, candidate)
        if image is None:
            self.ready_image(service, candidate)
        elif "port" not in block.keys and "path" not in block.keys and self.works(service, candidate):
            candidate.listens = False
        return candidate

    def folder_of(self, service: ComposeService, image: ImageSource) -> Path:
        """Return where a service's own code is.

        That is the context, or the Dockerfile's folder where the context is the whole repository.
        """
        return code_folder(image.path, image.folder)

    def build(self, service: ComposeService, image: ImageSource, block: Block) -> bool:
        """Write how the image is built. Returns whether it could be."""
        builder = service if service.build is not None else self.builder_of(service)
        build: Build | None = builder.build if builder is not None else None
        assert build is not None
        key = f"services.{service.name}.build"
        if absent := missing(build.keys.get("context")):
            self.notes.add(build.place, key, f"left out: {', '.join(absent)} is not set")
            return False
        if absent := missing(build.keys.get("dockerfile")):
            self.notes.add(build.place, f"{key}.dockerfile", f"left out: {', '.join(absent)} is not set")
        if not image.folder.is_dir():
            self.notes.add(build.place, f"{key}.context", f"left out: there is no folder {self.relative(image.folder)}")
            return False
        if not image.path.is_file() and image.path not in self.written.files:
            self.notes.add(build.place, f"{key}.dockerfile", f"left out: there is no {self.relative(image.path)}")
            return False
        block.put("build", self.relative(image.folder))
        name = relpath(image.path, image.folder)
        if name != "Dockerfile":
            mounted = name.startswith(compose_mounts.NAME)
            block.put(
                "dockerfile", name, "written by culm: with the code that the compose file mounts" if mounted else ""
            )
        if build.target and self.code_is_mounted(builder or service, build, image.path):
            what = f"left out: {build.target} has the code mounted from this machine; the last stage copies it"
            self.notes.add(build.place, f"{key}.target", what)
        elif build.target:
            block.put("target", build.target)
        return True

    def relative(self, path: Path) -> str:
        return relpath(path, self.root)

    def works(self, service: ComposeService, candidate: Outline) -> bool:
        """Return whether a service serves nobody: by its command or name, or as another service of its image serves."""
        if guess.is_worker(service.name, " ".join(candidate.command)):
            return True
        assert candidate.image is not None
        siblings = [
            self.services[name]
            for name, image in self.images.items()
            if name != service.name and image.path == candidate.image.path and self.roles[name] == "service"
        ]
        return bool(candidate.command) and any(each.port_items for each in siblings)

    def ready_image(self, service: ComposeService, candidate: Outline) -> None:
        """Write where a ready image listens, and whether a load balancer can talk to it."""
        block = candidate.block
        known = next((e for e in compose_roles.IMAGE_PORTS if re.search(e[0], service.image.lower())), None)
        candidate.listens = True
        if known is not None and not known[2]:
            block.put("path", "none", "it does not speak HTTP")
            block.keys.setdefault("port", Commented(value=known[1], comment="where such images listen"))
            candidate.listens = False
        elif "port" not in block.keys and known is not None:
            block.put("port", known[1], "where such images listen")
        elif "port" not in block.keys:
            block.put("path", "none", "no port is known of this image")
            candidate.listens = False
        if candidate.listens and "health" not in block.keys:
            block.put("health", dict(ANY_ANSWER), "any answer counts; a page that says it is well is better")

    def why_left_out(self, name: str, role: Role) -> str:
        """Say why a service of the compose file is none of culm.yml's."""
        service = self.services[name]
        if role == "proxy":
            what = service.image or "it"
            return f"{what}: left out, the load balancer does that: `path:` says what is whose"
        command = " ".join(self.services[name].command() or ())
        if role == "assets":
            what = "left out: it builds files into a folder that is mounted from this machine"
            return f"{what}; let the Dockerfile of the service that serves them RUN {command}, without watching"
        if role == "tests":
            return "left out: it tries the other services in a browser; run it where you test, against their URLs"
        image = self.images.get(name)
        same = [other for other, each in self.images.items() if image and each.path == image.path and other != name]
        same = [other for other in same if self.roles[other] == "service"]
        run = f"; to run it: culm task {names.plain(same[0])} -- {command}" if same and command else ""
        return f"left out: it runs once and ends; a service runs always{run}"

    def migration(self, name: str, candidates: dict[str, Outline]) -> None:
        """Make it the migration of the service whose image it shares, else of the one that waits for it."""
        service = self.services[name]
        key = f"services.{name}"
        owner = self.owner(name, candidates)
        if owner is None:
            same = [each.name for each in candidates.values() if each.block.get("image") == service.image]
            why = f"is a migration of {same[0]}, a ready image: culm migrates what it builds" if same else ""
            self.notes.add(service.place, key, why or "is a migration, and no service shares its image or waits for it")
            return
        compose_servers.tell_migration(service, owner.name, self.notes)
        image = self.images.get(name)
        assert owner.image is not None
        if image is not None and image.path != owner.image.path and image.folder == owner.image.folder:
            owner.block.put("migrate", relpath(image.path, image.folder), f"{name} of the compose file")
            self.notes.add(service.place, key, f"is the migration of {owner.name}: {self.relative(image.path)}")
            return
        command = (*(service.command("entrypoint") or ()), *(service.command() or ()))
        if image is not None and image.path == owner.image.path and command:
            text = f"{name} of the compose file"
            replaces = service.command("entrypoint") is not None
            add_migration(owner, Migration(command=command, why=text, replaces_entrypoint=replaces), self.written)
            self.notes.add(service.place, key, f"is the migration of {owner.name}: {' '.join(command)}")
            return
        what = service.image or (self.relative(image.path) if image is not None else "")
        self.notes.add(
            service.place,
            key,
            f"is a migration of {owner.name} by another image: write "
            f"{self.relative(owner.image.folder)}/Dockerfile.migrate that begins FROM {what} and copies its files",
        )

    def owner(self, name: str, candidates: dict[str, Outline]) -> Outline | None:
        image = self.images.get(name)
        built = {key: each for key, each in candidates.items() if each.image is not None}
        waiting = [each for key, each in built.items() if name in self.services[key].depends_on]
        if image is not None:
            same = [each for each in built.values() if each.image is not None and each.image.path == image.path]
            near = [each for each in built.values() if each.image is not None and each.image.folder == image.folder]
            for group in (same, near):
                serving = [each for each in group if each.published] or group
                if serving:
                    return serving[0]
        return waiting[0] if waiting else None

    def sorted(self, given: Sequence[str]) -> list[str]:
        """Return the services, each after those that it waits for, else in the order of the file.

        Of services with one image culm deploys the first one first: it must not be one that waits for another of them.
        """
        wanted = {name: self.waits_for(name, set(given)) for name in given}
        result: list[str] = []
        waiting = list(given)
        while waiting:
            able = next((name for name in waiting if set(wanted[name]) <= set(result)), waiting[0])
            waiting.remove(able)
            result.append(able)
        return result

    def order(self, called: dict[str, str], candidates: dict[str, Outline]) -> None:
        """Write `depends_on:` as `after:`, through what is left out, and without circles."""
        wanted = {name: self.waits_for(name, set(candidates)) for name in candidates}
        done: dict[str, list[str]] = {}
        for name, others in wanted.items():
            kept = [other for other in others if name not in reachable(other, done) and other != name]
            for other in others:
                if other not in kept:
                    place = self.services[name].place_of("depends_on")
                    self.notes.add(place, f"services.{name}.depends_on", f"{other} waits for {name} itself: left out")
            done[name] = kept
            if kept:
                candidates[name].block.put("after", [called[other] for other in kept])

    def waits_for(self, name: str, known: set[str], before: frozenset[str] = frozenset()) -> list[str]:
        """Return the services that one waits for, itself or by a migration or another that is none of culm's."""
        result: dict[str, None] = {}
        for other, dependency in self.services[name].depends_on.items():
            if other in known:
                result[other] = None
            elif other in self.services and other not in before:
                result |= dict.fromkeys(self.waits_for(other, known, before | {name}))
            elif other not in self.model.services:
                self.notes.add(dependency.place, f"services.{name}.depends_on", f"there is no service {other!r}")
        return [other for other in result if other != name]


def reachable(start: str, edges: dict[str, list[str]]) -> set[str]:
    """Return what a service waits for, however far away."""
    result: set[str] = set()
    waiting: list[str] = [start]
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in result:
                result.add(other)
                waiting.append(other)
    return result


def inside(path: Path, folder: Path) -> bool:
    """Return whether `path` is the folder itself, or a folder in it."""
    return path.is_dir() and path.resolve().is_relative_to(folder.resolve())


def copies_folder(image: ImageSource) -> bool:
    """Return whether an image's last stage, or one that it stands on, copies a folder of the build context."""
    every = dockerfile.stages(image.instructions, image.args)
    stage = every[-1] if every else None
    while stage is not None:
        for each in stage.instructions:
            if each.keyword in ("COPY", "ADD") and each.flag("from") is None and not each.documents:
                sources = (each.form or dockerfile.words(each.rest))[:-1]
                if any((image.folder / source.lstrip("/")).is_dir() for source in sources if "$" not in source):
                    return True
        stage = every[stage.parent] if stage.parent is not None else None
    return False

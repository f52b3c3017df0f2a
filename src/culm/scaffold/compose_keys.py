"""The keys of a compose service, one by one: carried over, or named with what takes their place.

Nothing is passed over in silence: `KeyImport.service` walks all keys that a service has, and one that no rule knows is
reported as having no equivalent.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from culm.lint import commands, rules
from culm.lint.findings import Setting
from culm.project import engines, host_mentions, texts, values
from culm.project.compose import dotenv
from culm.project.compose.load import Compose, arguments_of, usual_files
from culm.project.compose.services import ComposeService, EnvironmentFile
from culm.project.compose.tree import Scalar, SourceLine, missing
from culm.project.load import shown
from culm.scaffold import compose_container, compose_secrets, compose_waits, database_variables, vault_secrets
from culm.scaffold.candidates import Outline, database_names
from culm.scaffold.compose_notes import Notes
from culm.scaffold.compose_roles import Role, usual_port
from culm.scaffold.database_variables import Login
from culm.scaffold.draft import Draft

LEFT_OUT = {
    "container_name": "tasks have names of their own",
    "hostname": "tasks have names of their own",
    "domainname": "tasks have names of their own",
    "restart": "tasks are always started again",
    "networks": "services reach each other through the load balancer",
    "network_mode": "tasks are on a bridge network",
    "links": "services reach each other through the load balancer",
    "external_links": "services reach each other through the load balancer",
    "logging": "logs go to CloudWatch Logs",
    "labels": "tasks have no labels",
    "label_file": "tasks have no labels",
    "annotations": "tasks have no labels",
    "tty": "logs are lines",
    "stdin_open": "nobody types into a task; culm exec opens a shell",
    "attach": "culm logs shows what they print",
    "pull_policy": "images are pulled when they change",
    "develop": "culm run starts a service again when its files change",
    "privileged": "ECS on small shared instances runs no privileged containers here",
    "cap_add": "capabilities have no key in culm.yml",
    "cap_drop": "capabilities have no key in culm.yml",
    "devices": "devices have no key in culm.yml",
    "volumes_from": "tasks share named volumes alone",
    "configs": "put them into conf/ and the vault",
    "working_dir": "put WORKDIR into the Dockerfile",
    "extra_hosts": "tasks have no host names of their own",
    "dns": "tasks ask the instance's name server",
    "dns_search": "tasks ask the instance's name server",
    "gpus": "small instances have none",
    "mem_reservation": "`memory:` is the limit, and what is reserved",
    "memswap_limit": "instances have no swap",
    "mem_swappiness": "instances have no swap",
    "oom_kill_disable": "a task over its limit is ended",
    "cpu_shares": "`cpu:` says how much is its own",
    "cpu_quota": "`cpu:` says how much is its own",
    "cpuset": "`cpu:` says how much is its own",
    "stop_signal": "put STOPSIGNAL into the Dockerfile",
    "profiles": "it runs always",
    "post_start": "tasks have no hooks",
    "pre_stop": "tasks have no hooks",
}
"""Keys without an equivalent that people meet often, and what takes their place."""
HANDLED = frozenset(
    {
        "build",
        "image",
        "command",
        "entrypoint",
        "ports",
        "expose",
        "environment",
        "env_file",
        "depends_on",
        "healthcheck",
    }
    | {"volumes", "tmpfs", "deploy", "mem_limit", "cpus", "scale", "user", "read_only", "init", "ulimits", "platform"}
    | {"stop_grace_period", "shm_size", "extends", "secrets"}
)
BUILD_KEYS = frozenset({"context", "dockerfile", "dockerfile_inline", "args", "target"})
OWN_VARIABLES = ("MYENV", "VAULT")
OF_COMPOSE = re.compile(r"COMPOSE_[A-Z]|DOCKER_(BUILDKIT|HOST|CONFIG|CONTEXT|CERT_PATH|TLS_VERIFY|DEFAULT_PLATFORM)$")
"""https://docs.docker.com/compose/how-tos/environment-variables/envvars/"""
IN_URL = re.compile(r"(?P<scheme>https?://)(?P<host>[A-Za-z0-9_.-]+)(?::\d+)?")
PUBLISHED_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1):(?P<port>\d+)(?!\d)")
"""How a browser, or this machine, reaches a service that compose publishes."""
HOST_AND_PORT = re.compile(r"(?P<before>^|://|@|,)(?P<host>[A-Za-z0-9_.-]+)(?::(?P<port>\d+))?(?=$|[/,?])")

OF_THIS_MACHINE = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1)(?![\w.-])")
DATABASE_PORT = re.compile(r"(DB|DATABASE|PG|POSTGRES|MYSQL|SQL|MARIADB|REDIS|VALKEY|CACHE)_?\w*PORT$")


class KeyImport:
    """What all services of one model share while their keys are carried over."""

    def __init__(
        self, model: Compose, notes: Notes, roles: Mapping[str, Role], called: Mapping[str, str], draft: Draft
    ) -> None:
        self.model = model
        self.notes = notes
        self.roles = roles
        self.called = called
        self.draft = draft
        self.secrets: dict[str, str] = {}
        """Of the service whose keys are carried over: variable -> the text with parts of a database's URL."""
        self.used: dict[str, Login] = {}
        """Its databases' logins in the compose file, by their names in culm.yml."""
        self.files: dict[str, str] = {}
        """Of the service whose keys are carried over: variable -> the file of the vault with its value."""
        self.places: dict[tuple[str, str], tuple[str, str]] = {}
        """A secret's variable and value -> the service (its name in culm.yml) and file of the vault with it."""

    def service(self, service: ComposeService, candidate: Outline) -> None:
        """Write every key of a service, in its block or in the notes."""
        self.build(service, candidate)
        self.ports(service, candidate)
        self.database(service, candidate)
        self.command(service, candidate)
        self.environment(service, candidate)
        compose_secrets.give(service, candidate, compose_secrets.of_servers(self.used_servers(candidate)), self.notes)
        compose_container.resources(self.notes, service, candidate)
        compose_container.health(self.notes, service, candidate)
        compose_container.storage(self.notes, service, candidate)
        compose_container.container(self.notes, service, candidate)
        for key, value in service.keys.items():
            if key in HANDLED or key.startswith("x-"):
                continue
            if key in LEFT_OUT:
                self.notes.of(service, value.place, key, f"left out: {LEFT_OUT[key]}")
            else:
                self.notes.of(service, value.place, key, "has no equivalent in culm.yml")

    def build(self, service: ComposeService, candidate: Outline) -> None:
        """Write the folder, Dockerfile, stage and arguments, or note why they cannot be."""
        build = service.build
        if build is None:
            return
        if service.image:
            self.notes.of(service, service.place_of("image"), "image", "left out: culm names the images that it builds")
        if build.inline is not None and candidate.image is not None:
            where = shown(candidate.image.path)
            self.notes.of(service, build.place, "build.dockerfile_inline", f"written to {where}")
        for key, value in build.keys.items():
            if key not in BUILD_KEYS:
                self.notes.of(service, value.place, f"build.{key}", "has no equivalent in culm.yml")
        kept = {}
        arguments = arguments_of(self.model, service)
        for name, scalar in build.args.items():
            if scalar.missing:
                self.notes.of(
                    service, scalar.place, f"build.args.{name}", f"left out: {', '.join(scalar.missing)} is not set"
                )
            elif name not in arguments:
                self.notes.of(
                    service,
                    scalar.place,
                    f"build.args.{name}",
                    "left out: its value comes from outside, and is not set",
                )
            elif rules.judge(Setting(line=0, name=name, value=arguments[name]), references_are_values=True) is not None:
                self.notes.of(
                    service, scalar.place, f"build.args.{name}", "left out: a secret stays in the image's history"
                )
            else:
                kept[name] = arguments[name]
        if kept:
            candidate.block.put("args", kept)

    def command(self, service: ComposeService, candidate: Outline) -> None:
        """Write entrypoint and command; an empty one is noted, as ECS cannot take an image's away."""
        for key in ("entrypoint", "command"):
            words = service.command(key)
            if words is None or self.notes.unset(service, service.at(key), key):
                continue
            if candidate.block.get("database") and (rest := compose_waits.without_waiting(words)) != words:
                what = f"{' '.join(words)}: it does not wait, as culm makes databases before it"
                self.notes.of(service, service.place_of(key), key, what)
                words = rest
            if (rest := compose_waits.to_output(words)) != tuple(words):
                self.notes.of(service, service.place_of(key), key, "writes its log to its output, not into a file")
                words = rest
            if not words:
                self.notes.of(service, service.place_of(key), key, "left out: culm.yml cannot take the image's away")
            elif (why := commands.leak_of_words(self.without_servers(words))) is not None:
                self.notes.of(service, service.place_of(key), key, f"left out: {why}; read it from a file of the vault")
            else:
                candidate.block.put(key, list(words))

    def without_servers(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return a command less the URLs of its databases: variables take their places (`compose_commands`)."""
        names = self.notes.database_names

        def emptied(match: re.Match[str]) -> str:
            return "" if match["host"] in names else match[0]

        return tuple(database_variables.URL.sub(emptied, word) for word in words)

    def ports(self, service: ComposeService, candidate: Outline) -> None:
        """Write the ports: the first TCP port is the load balancer's, others are open on the instance."""
        block = candidate.block
        every = []
        for item in service.port_items:
            if missing(item) and isinstance(item, Scalar) and not re.search(r":\d+(/\w+)?$", item.text):
                self.notes.of(service, item.place, "ports", f"left out: {', '.join(missing(item))} is not set")
                continue
            every += service.ports_of(item)
        published = {port.target for port in every}
        every += [port for port in service.exposed if port.target not in published]
        tcp = list(dict.fromkeys(port.target for port in every if port.protocol == "tcp"))
        able = [port for port in tcp if port not in (443, 8443)] or tcp
        usual = usual_port(service.image) if service.at("build") is None else None
        if usual is not None and (usual[0] in tcp or (able and not usual[1])):
            able = [usual[0]]
        if able:
            block.put("port", able[0])
        rest = [str(port) for port in tcp if port not in able[:1]]
        rest += [f"{port.target}/udp" for port in every if port.protocol == "udp"]
        rest = list(dict.fromkeys(rest))
        if rest and block.get("port"):
            block.put("ports", rest[:20], "open on the instance, not behind the load balancer")
        elif rest:
            block.put("ports", rest[:20])
        for port in every:
            if port.protocol not in ("tcp", "udp"):
                self.notes.of(service, port.place, "ports", f"left out: {port.target}/{port.protocol}")
        if len(rest) > 20:
            self.notes.of(service, every[-1].place, "ports", f"left out: {len(rest) - 20} ports of a range")
        outside = [port for port in every if port.published and port.protocol == "tcp"]
        if outside:
            listed = ", ".join(dict.fromkeys(port.published for port in outside))
            self.notes.of(
                service,
                outside[0].place,
                "ports",
                f"published as {listed}: the load balancer publishes services by path",
            )
        if service.at("ports") is not None and (prefix := self.prefix(service)):
            block.put("path", prefix)

    def prefix(self, service: ComposeService) -> str:
        """Return the path that Traefik's labels give a service; empty where they give none."""
        for name, label in service.settings("labels").items():
            if "rule" in name and (match := re.search(r"PathPrefix\(`(/[\w./-]*)`\)", label.text)):
                return f"{match[1].rstrip('/')}/*" if match[1] != "/" else "/"
        return ""

    def environment(self, service: ComposeService, candidate: Outline) -> None:
        """Write the variables, of env_file and environment; references to other services become theirs."""
        kept: dict[str, str] = {}
        called = candidate.name
        self.secrets, self.files = {}, {}
        self.used = self.servers(candidate)
        for file in service.environment_files:
            self.environment_file(service, called, file, kept)
        file_secrets = dict(self.files)
        for name, scalar in service.environment.items():
            key = f"environment.{name}"
            value = self.model.environment.get(name) if scalar.null else scalar.text
            if name in file_secrets:
                del self.files[name]
            if (value is None or scalar.missing) and self.is_secret(name, "-"):
                self.notes.of(service, scalar.place, key, self.from_vault(called, name, f"${{{name}}}"))
            elif value is None:
                self.notes.of(service, scalar.place, key, "left out: its value comes from outside, and is not set")
            elif scalar.missing:
                self.notes.of(service, scalar.place, key, f"left out: {', '.join(scalar.missing)} is not set")
            elif self.of_database(name, value):
                kept.pop(name, None)
                self.notes.of(service, scalar.place, key, f"becomes one of `secrets:`: {self.secrets[name]}")
            elif self.is_secret(name, value):
                self.notes.of(service, scalar.place, key, self.from_vault(called, name, value))
                kept.pop(name, None)
            elif (why := self.refused(name, value)) is not None:
                self.notes.of(service, scalar.place, key, why)
                kept.pop(name, None)
            else:
                kept[name] = value
        self.read_by_code(service, candidate, kept)
        if kept:
            candidate.block.put("environment", kept)
        self.name_driver(candidate)
        if self.secrets:
            reason = database_variables.REASON
            secrets = {name: {"from": text, "reason": reason} for name, text in self.secrets.items()}
            candidate.block.put("secrets", secrets)
        vault_secrets.give(candidate, self.files)

    def name_driver(self, candidate: Outline) -> None:
        """Let the URLs of PostgreSQL name psycopg2 where SQLAlchemy would look for another driver."""
        if candidate.sources is None or not database_variables.takes_psycopg_2(candidate.sources):
            return
        for name, text in self.secrets.items():
            called = text.removeprefix("{").removesuffix(".url}")
            if text == f"{{{called}.url}}" and self.draft.engine(called) == "postgres":
                self.secrets[name] = database_variables.url(candidate.sources, called, "postgres")

    def read_by_code(self, service: ComposeService, candidate: Outline, kept: dict[str, str]) -> None:
        """Take over what code reads itself from the `.env` beside it, or what its sample has: it is in no image."""
        if candidate.sources is None:
            return
        read = database_variables.read_in(candidate.sources)
        known = {*kept, *self.secrets, *self.files, *service.environment}
        files = [
            file
            for folder in dict.fromkeys((candidate.sources.folder, self.model.root))
            if (file := env_file_in(folder))
        ]
        for file in files:
            if str(file) not in {each.path for each in service.environment_files}:
                place = SourceLine(file=shown(file), line=1)
                given = EnvironmentFile(place=place, path=str(file), required=False)
                self.environment_file(service, candidate.name, given, kept, only=read - known)

    def used_servers(self, candidate: Outline) -> dict[str, ComposeService]:
        """Return the services of the compose file that are a service's databases, by their names in `databases:`."""
        wanted = database_names(candidate)
        names = self.notes.database_names
        return {called: self.model.services[name] for name, called in names.items() if called in wanted}

    def servers(self, candidate: Outline) -> dict[str, Login]:
        """Return the logins of the databases that a service uses, by their names in `databases:`."""
        result = {}
        for called, server in self.used_servers(candidate).items():
            given = {each: scalar.text for each, scalar in server.environment.items() if not scalar.missing}
            for file in server.environment_files:
                given = environment_of(Path(file.path), self.model.environment) | given
            result[called] = database_variables.login(self.draft.engine(called), given)
        return result

    def of_database(self, name: str, value: str) -> bool:
        """Return whether a variable is a database's URL or a part of its login: it becomes one of `secrets:`."""
        servers = {each: called for each, called in self.notes.database_names.items() if called in self.used}
        text = database_variables.of_url(value, servers, {called: self.draft.engine(called) for called in self.used})
        for called, given in self.used.items():
            text = text or database_variables.of_value(name, value, called, given)
        if text:
            self.secrets[name] = text
        return text is not None

    def environment_file(
        self,
        service: ComposeService,
        called: str,
        given: EnvironmentFile,
        kept: dict[str, str],
        *,
        only: Collection[str] | None = None,
    ) -> None:
        """Take over the variables of a file; a missing one is noted where it is required.

        `called` is the service's name in culm.yml; `only` are the variables that count, None for all.
        """
        file, place = Path(given.path), given.place
        if not file.is_file() and (sample := sample_of(file)) is not None:
            self.notes.of(service, place, "env_file", f"there is no {shown(file)}: {shown(sample)} is taken")
            file = sample
        if not file.is_file():
            if given.required:
                self.notes.of(service, place, "env_file", f"left out: there is no {shown(file)}")
            return
        source = texts.read(file)
        try:
            every = dotenv.parse(source, self.model.environment, kept)
            lines = {entry.name: entry.line for entry in dotenv.entries(source)}
        except dotenv.EnvironmentFileError as error:
            self.notes.of(service, place, "env_file", f"left out: {shown(file)}:{error.line}: {error.problem}")
            return
        laptop = of_laptop(every, self.model.root) if any(word in file.name for word in SAMPLES) else {}
        for name, value in every.items():
            if name in laptop:
                place = SourceLine(file=shown(file), line=lines.get(name, 1))
                self.notes.add(
                    place, name, f"left out: {value} is for a laptop, and not what the compose file has itself"
                )
                continue
            if only is not None and (name not in only or not value or OF_THIS_MACHINE.search(value)):
                continue
            if self.of_database(name, value):
                place = SourceLine(file=shown(file), line=lines.get(name, 1))
                self.notes.add(place, name, f"becomes one of `secrets:`: {self.secrets[name]}")
                continue
            place = SourceLine(file=shown(file), line=lines.get(name, 1))
            if self.is_secret(name, value):
                self.notes.add(place, name, self.from_vault(called, name, value))
            elif (why := self.refused(name, value)) is not None:
                self.notes.add(place, name, why)
            else:
                kept[name] = value

    def is_secret(self, name: str, value: str) -> bool:
        """Return whether a variable is a secret, by its name or value, that a task needs."""
        if value.startswith(f"{compose_secrets.FOLDER}/"):
            return False  # the path of one
        if vault_secrets.OF_AWS.search(name) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            return False
        by_name = rules.is_secret_name(rules.canonical(name)) and bool(value)
        return by_name or rules.judge(Setting(line=0, name=name, value=value)) is not None

    def from_vault(self, called: str, name: str, value: str) -> str:
        """Give the service `called` a variable from the vault, and say so.

        Services with the same variable and value share the file of the first.
        """
        owner, file = self.places.setdefault((name, value), (called, vault_secrets.file_of(name)))
        self.files[name] = file if owner == called else f"{owner}/{file}"
        return f"is a secret: becomes one of `secrets:`, from the vault's {owner}/{file}"

    def refused(self, name: str, value: str) -> str | None:
        """Return why a variable has no place in culm.yml."""
        if vault_secrets.OF_AWS.search(name):
            return "left out: a task signs AWS's requests with its role"
        if rules.judge(Setting(line=0, name=name, value=value)) is not None:
            return "is a secret: culm vault put"
        if name in OWN_VARIABLES:
            return "left out: culm sets it"
        if OF_COMPOSE.match(name):
            return "left out: it tells compose and the engine how to work"
        try:
            values.variable(name)
        except ValueError as error:
            return f"left out: {error}"
        return None

    def database(self, service: ComposeService, candidate: Outline) -> None:
        """Write the servers that a service uses: it waits for them, or its environment or its code names them."""
        environment = " ".join(str(scalar.text) for scalar in service.environment.values())
        for file in service.environment_files:
            environment += " " + " ".join(environment_of(Path(file.path), self.model.environment).values())
        line = " ".join((*(service.command("entrypoint") or ()), *(service.command() or ())))
        used = [
            called
            for name, called in self.notes.database_names.items()
            if self.waits(service, name)
            or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", environment)
            or re.search(rf"(?://|@|\s|=){re.escape(name)}:\d", line)
            or (candidate.sources is not None and host_mentions.place_of(candidate.sources.code, name, certain=True))
        ]
        if used:
            candidate.block.put("database", used[0] if len(used) == 1 else used)

    def waits(self, service: ComposeService, name: str) -> bool:
        """Return whether the service waits for the other one, straight or by a third."""
        waiting, passed = [service], {service.name}
        while waiting:
            for other in waiting.pop().depends_on:
                if other == name:
                    return True
                known = self.model.services.get(other)
                if known is not None and other not in passed and self.roles.get(other) in ("migration", "once"):
                    passed.add(other)
                    waiting.append(known)
        return False

    def references(self, candidates: Mapping[str, Outline]) -> None:
        """Replace the names of other services in variables by where they are reached here."""
        for candidate in candidates.values():
            environment = candidate.block.get("environment")
            if isinstance(environment, dict):
                service = self.model.services[candidate.given]
                for name, value in list(environment.items()):
                    environment[name] = self.referred(service, name, value, candidates, environment)

    def without_its_password(self, service: ComposeService, variable: str, called: str) -> None:
        """Say that a cache that let everybody in has users here."""
        if self.draft.engine(called) in engines.CACHES:
            scalar = service.environment.get(variable)
            place = scalar.place if scalar is not None else service.place
            what = f"lets nobody in without the user and password that are in the vault's {called}.url"
            self.notes.of(service, place, f"environment.{variable}", f"{called} {what}")

    def referred(
        self,
        service: ComposeService,
        name: str,
        value: str,
        candidates: Mapping[str, Outline],
        environment: Mapping[str, str],
    ) -> str:
        ours = {f"{{{called}.{part}}}" for called in self.draft.databases for part in ("host", "port")}
        text = re.sub(
            r"\{[a-z][a-z0-9-]*\.[a-z]+\}",
            lambda match: match[0] if match[0] in ours else f"{{{match[0]}}}",
            value,
        )

        def url(match: re.Match[str]) -> str:
            other = candidates.get(match["host"])
            reached = other is not None and other.listens and other.block.get("path") != "none"
            return f"{{{other.name}.url}}" if other is not None and reached else match[0]

        def published(match: re.Match[str]) -> str:
            other = self.publisher(match["port"], candidates)
            return f"{{{other.name}.url}}" if other is not None and other.given != service.name else match[0]

        text = IN_URL.sub(url, PUBLISHED_URL.sub(published, text))

        def server(match: re.Match[str]) -> str:
            called = self.notes.database_names.get(match["host"])
            if called is None:
                return match[0]
            self.without_its_password(service, name, called)
            port = f":{{{called}.port}}" if match["port"] else ""
            return f"{match['before']}{{{called}.host}}{port}"

        text = HOST_AND_PORT.sub(server, text)
        if (called := self.server_of_port(name, value, candidates[service.name], environment)) is not None:
            return f"{{{called}.port}}"
        for host in (match["host"] for match in HOST_AND_PORT.finditer(text)):
            if host in self.model.services and host != service.name:
                scalar = service.environment.get(name)
                place = scalar.place if scalar is not None else service.place
                self.notes.of(
                    service, place, f"environment.{name}", f"names {host}, which is not reached by that name here"
                )
        return text

    def publisher(self, port: str, candidates: Mapping[str, Outline]) -> Outline | None:
        """Return the service that compose publishes at a port of this machine, if the load balancer reaches it here."""
        for name, candidate in candidates.items():
            service = self.model.services[name]
            ports = [each for item in service.port_items if not missing(item) for each in service.ports_of(item)]
            if any(each.published.rpartition(":")[2] == port for each in ports if each.published):
                return candidate if candidate.listens and candidate.block.get("path") != "none" else None
        return None

    def server_of_port(self, name: str, value: str, candidate: Outline, environment: Mapping[str, str]) -> str | None:
        """Return the server whose port a variable holds; None where it is no server's.

        It is the one that the host beside it names (`PMA_HOST` beside `PMA_PORT`), else the one that the service uses
        of the engine that listens there, where the variable is called after a database.
        """
        stem = re.fullmatch(r"(.*?)_?PORT", name)
        if stem is None or not value.isdecimal():
            return None
        listening = [
            called for called in database_names(candidate) if engines.PORTS.get(self.draft.engine(called)) == int(value)
        ]
        for beside in ("HOST", "_HOST", "_SERVER", "_HOSTNAME", "_ADDR", "_ADDRESS"):
            host = environment.get(stem[1] + beside, "")
            for called in listening:
                if host in (
                    f"{{{called}.host}}",
                    *(each for each, to in self.notes.database_names.items() if to == called),
                ):
                    return called
        return listening[0] if listening and DATABASE_PORT.search(name) else None


def variables_of(model: Compose, service: ComposeService) -> list[str]:
    """Return the values of all variables of a service, those of its files included."""
    result = [each.text for each in service.environment.values() if not each.missing]
    for file in service.environment_files:
        result += environment_of(Path(file.path), model.environment).values()
    return result


def environment_of(path: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment file; none where it is not there or cannot be read."""
    try:
        return dotenv.parse(texts.read(path if path.is_file() else sample_of(path) or path), outer, {})
    except (OSError, dotenv.EnvironmentFileError):
        return {}


def with_sample(root: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], Path | None]:
    """Return the variables for a compose file in `root`, and the sample that they are from.

    The sample is None where there is a `.env`. A sample's empty values are what people are to fill in, so they count as
    not set.
    """
    file = root / ".env"
    sample = None if file.exists() else sample_of(file)
    if sample is None:
        return dict(environment), None
    given = environment_of(sample, environment)
    known = {name: value for name, value in given.items() if value and name not in of_laptop(given, root)}
    return {**known, **environment}, sample


LAPTOP = re.compile(r"development|dev|local|debug|true|yes|on|1", re.IGNORECASE)
DEPLOYED = r"(?:production|prod|false|no|off|0)"


def of_laptop(given: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return the variables of a sample that switch to development what the compose file leaves in production.

    `RAILS_ENV=development` in a sample is for whoever copies it, where the compose file has `${RAILS_ENV:-production}`.
    """
    files = "\n".join(texts.read(path) for path in usual_files(root))
    return {
        name: value
        for name, value in given.items()
        if LAPTOP.fullmatch(value) and re.search(rf"\$\{{{re.escape(name)}:?-{DEPLOYED}\}}", files)
    }


def env_file_in(folder: Path) -> Path | None:
    """Return the `.env` of a folder, or else the sample of one; None where there is neither."""
    file = folder / ".env"
    return file if file.is_file() else sample_of(file)


SAMPLES = ("example", "sample", "template", "dist", "default")
"""What people call the file that shows which variables an environment file of theirs has."""


def sample_of(file: Path) -> Path | None:
    """Return the sample beside an environment file that is not there.

    Samples are called `.env.example`, `.env.dev-sample` or `env.template`.
    """
    names = [f"{name}{sign}{word}" for name in (file.name, file.name.lstrip(".")) for word in SAMPLES for sign in ".-_"]
    return next((file.with_name(name) for name in names if file.with_name(name).is_file()), None)

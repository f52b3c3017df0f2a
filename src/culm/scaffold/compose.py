"""A compose file as culm.yml: what maps, and each thing that does not, by file and line. Pure.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

import re
from collections.abc import Iterator
from decimal import Decimal

import yaml

from culm.core.model.record import record
from culm.lint import rules
from culm.lint.findings import Setting
from culm.project.yamls import compose, member, pairs, scalars

DATABASE = re.compile(r"(^|/)(postgres|postgis|pgvector|postgresql)(:|@|$)")
NOT_POSTGRES = re.compile(r"(^|/)(mysql|mariadb|mongo|redis|valkey|memcached|rabbitmq|kafka|elasticsearch|minio)\b")
PROXY = re.compile(r"(^|/)(nginx|traefik|haproxy|caddy|envoy)(:|@|$)")
MIGRATES = re.compile(r"\bmigrat|\balembic\b|\bdbmate\b|\bflyway\b|\bliquibase\b|db:migrate", re.IGNORECASE)
DEFAULTED = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")

NEEDLESS = {
    "container_name": "",
    "hostname": "",
    "restart": "a service's tasks are always started again",
    "networks": "every service reaches the others through the load balancer",
    "expose": "",
    "init": "",
    "tty": "",
    "stdin_open": "",
    "logging": "logs go to CloudWatch Logs",
    "profiles": "",
    "pull_policy": "",
    "platform": "",
    "labels": "",
    "stop_grace_period": "30 s",
    "develop": "",
    "links": "services reach the others through the load balancer",
    "external_links": "services reach the others through the load balancer",
}
"""Keys that need no equivalent, with what takes their place where something does."""

REFUSED = {
    "privileged": "ECS on small shared instances runs no privileged containers here",
    "cap_add": "capabilities have no key in culm.yml",
    "devices": "devices have no key in culm.yml",
    "network_mode": "tasks are on a bridge network",
    "volumes": "tasks keep no files: put state into the database, settings into conf/ and the vault",
    "tmpfs": "tasks write to their own layer",
    "secrets": "put them into the vault: culm vault put",
    "configs": "put them into conf/ and the vault",
    "command": "say it in the Dockerfile: CMD",
    "entrypoint": "say it in the Dockerfile: ENTRYPOINT",
    "user": "say it in the Dockerfile: USER",
    "working_dir": "say it in the Dockerfile: WORKDIR",
    "ulimits": "has no key in culm.yml",
    "sysctls": "has no key in culm.yml",
    "extra_hosts": "has no key in culm.yml",
    "dns": "has no key in culm.yml",
    "security_opt": "has no key in culm.yml",
    "shm_size": "has no key in culm.yml",
    "pid": "has no key in culm.yml",
    "ipc": "has no key in culm.yml",
    "gpus": "small instances have none",
    "runtime": "has no key in culm.yml",
    "extends": "write out what it takes over: culm reads one file",
    "volumes_from": "tasks share no files",
}
KNOWN = {"build", "image", "ports", "depends_on", "environment", "env_file", "healthcheck", "mem_limit", "cpus"}
KNOWN |= {"deploy", "scale", "mem_reservation", "read_only", "cpu_shares", "memswap_limit"}


@record
class Note:
    """Something that did not map, or not as it was."""

    line: int
    key: str
    """`services.web.volumes`."""
    what: str


@record
class Imported:
    manifest: str
    services: tuple[str, ...]
    notes: tuple[Note, ...]


def imported(name: str, text: str, file: str) -> Imported:
    """The manifest of a project with this name."""
    return Import(text, file).run(name)


class Import:
    """One compose file on its way."""

    def __init__(self, text: str, file: str) -> None:
        self.top = compose(text, file)
        self.notes: list[Note] = []
        self.services = dict(pairs(member(self.top, "services")))
        self.databases = {name for name, node in self.services.items() if is_database(node)}

    def run(self, name: str) -> Imported:
        for key, node in pairs(self.top):
            if key not in ("services", "version", "name", "volumes", "networks") and not key.startswith("x-"):
                self.note(node, key, REFUSED.get(key, "has no equivalent in culm.yml"))
        blocks = {each: block for each in self.services if (block := self.service(each)) is not None}
        for key, block in blocks.items():
            after = [other for other in self.after(key) if other in blocks]
            if after:
                block["after"] = f"[{', '.join(names_of(after))}]"
        return Imported(
            manifest=self.written(name, {service_name(key): block for key, block in blocks.items()}),
            services=tuple(service_name(key) for key in blocks),
            notes=tuple(sorted(self.notes, key=lambda note: (note.line, note.key))),
        )

    def service(self, name: str) -> dict[str, str] | None:
        """Its block; None for what is no service of its own."""
        node = self.services[name]
        path = f"services.{name}"
        build, image = member(node, "build"), filled(member(node, "image"))
        if name in self.databases:
            self.note(node, path, "becomes `databases: main`: a server of the target, with a database for each service")
            return None
        if build is None:
            self.note(node, path, self.why_no_service(image))
            return None
        dockerfile = filled(member(build, "dockerfile"))
        if self.is_migration(name, node, dockerfile):
            self.note(node, path, "is a migration: its image is the Dockerfile.migrate of the service's folder")
            return None
        block = {"build": quoted(folder_of(build))}
        if dockerfile and dockerfile != "Dockerfile":
            block["dockerfile"] = quoted(dockerfile)
        block |= dict(self.settings(name, node))
        if self.uses_database(name):
            block["database"] = "main"
        for key, value in pairs(node):
            if key in REFUSED:
                self.note(value, f"{path}.{key}", REFUSED[key])
            elif key not in KNOWN and key not in NEEDLESS and not key.startswith("x-"):
                self.note(value, f"{path}.{key}", "has no equivalent in culm.yml")
            elif NEEDLESS.get(key):
                self.note(value, f"{path}.{key}", f"left out: {NEEDLESS[key]}")
        self.environment(path, node)
        return block

    def why_no_service(self, image: str) -> str:
        if NOT_POSTGRES.search(image):
            return f"{image}: culm serves PostgreSQL alone; on AWS use a managed one, and keep its URL in the vault"
        if PROXY.search(image):
            return f"{image}: left out, the load balancer does that: `path:` says what is whose"
        return f"{image}: culm deploys what it builds; write a folder with a Dockerfile that begins FROM {image}"

    def is_migration(self, name: str, node: yaml.Node, dockerfile: str) -> bool:
        command = " ".join(scalar.value for scalar in scalars(member(node, "command")))
        return "migrat" in dockerfile.lower() or bool(MIGRATES.search(name) or MIGRATES.search(command))

    def settings(self, name: str, node: yaml.Node) -> Iterator[tuple[str, str]]:
        """port, memory, cpu, count, health, args."""
        path = f"services.{name}"
        ports = [port for written in port_nodes(node) if (port := container_port(written)) is not None]
        if ports:
            yield "port", str(ports[0])
            if len(ports) > 1:
                rest = ", ".join(map(str, ports[1:]))
                self.note(member(node, "ports"), f"{path}.ports", f"a service has one port: {ports[0]} and not {rest}")
        else:
            self.note(node, path, "publishes no port: EXPOSE one in its Dockerfile; without HTTP it is no service here")
        limits = member(member(member(node, "deploy"), "resources"), "limits")
        memory = filled(member(node, "mem_limit")) or filled(member(limits, "memory"))
        if memory:
            yield "memory", str(mebibytes(memory))
        cpus = filled(member(node, "cpus")) or filled(member(limits, "cpus"))
        if cpus:
            yield "cpu", str(int(Decimal(cpus) * 1024))
        count = filled(member(node, "scale")) or filled(member(member(node, "deploy"), "replicas"))
        if count and count != "1":
            yield "count", count
        check = member(member(node, "healthcheck"), "test")
        if check is not None:
            words = " ".join(scalar.value for scalar in scalars(check))
            if match := re.search(r"https?://[^\s/'\"]+(/[^\s'\"|;)]*)", words):
                yield "health", quoted(match[1])
            else:
                self.note(
                    check, f"{path}.healthcheck", "no HTTP address in it: `health:` says what the load balancer asks"
                )
        args = [setting for setting in settings(member(member(node, "build"), "args")) if setting.value]
        for setting in args:
            if rules.judge(setting, references_are_values=True) is not None:
                self.note_at(setting.line, f"{path}.build.args.{setting.name}", "a secret stays in the image's history")
        kept = {s.name: s.value for s in args if rules.judge(s, references_are_values=True) is None}
        if kept:
            yield "args", "{" + ", ".join(f"{n}: {quoted(default(v))}" for n, v in kept.items()) + "}"
        if member(member(node, "build"), "target") is not None:
            self.note(member(node, "build"), f"{path}.build.target", "the last stage of the Dockerfile is built")

    def environment(self, path: str, node: yaml.Node) -> None:
        """Settings are files: nothing of it is taken over, and each is named."""
        for setting in settings(member(node, "environment")):
            secret = rules.judge(setting) is not None or rules.SECRET_NAME.search(rules.canonical(setting.name))
            where = "is a secret: culm vault put" if secret else "is a setting: conf/, docker/conf/ and the vault"
            self.note_at(setting.line, f"{path}.environment.{setting.name}", where)
        if (files := member(node, "env_file")) is not None:
            self.note(
                files, f"{path}.env_file", "settings are files that the service reads: conf/, docker/conf/, the vault"
            )

    def after(self, name: str) -> list[str]:
        node = member(self.services[name], "depends_on")
        return [key for key, _ in pairs(node)] or [scalar.value for scalar in scalars(node)]

    def uses_database(self, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """By what it waits for, itself or by its migration, or by a database's name in its environment."""
        waits = self.after(name)
        if any(other in self.databases for other in waits):
            return True
        values = " ".join(s.value for s in settings(member(self.services[name], "environment")))
        if re.search(r"postgres(ql)?(\+\w+)?://", values) or any(
            re.search(rf"\b{re.escape(d)}\b", values) for d in self.databases
        ):
            return True
        through = [o for o in waits if o in self.services and o not in seen and MIGRATES.search(o)]
        return any(self.uses_database(other, seen | {name}) for other in through)

    def written(self, name: str, blocks: dict[str, dict[str, str]]) -> str:
        lines = [f"name: {name}", "targets:", "  local: {instances: 2 x t2.micro}"]
        if any("database" in block for block in blocks.values()):
            lines += ["databases:", "  main: {engine: postgres}"]
        lines.append("services:")
        for service, block in blocks.items():
            lines.append(f"  {service}:")
            lines += [f"    {key}: {value}" for key, value in block.items()]
        return "\n".join(lines) + "\n"

    def note(self, node: yaml.Node | None, key: str, what: str) -> None:
        self.note_at(node.start_mark.line + 1 if node is not None else 1, key, what)

    def note_at(self, line: int, key: str, what: str) -> None:
        self.notes.append(Note(line=line, key=key, what=what))


def settings(node: yaml.Node | None) -> Iterator[Setting]:
    """`NAME: value`, or `- NAME=value`."""
    for name, value in pairs(node):
        if isinstance(value, yaml.ScalarNode):
            yield Setting(line=value.start_mark.line + 1, name=name, value=value.value)
    if isinstance(node, yaml.SequenceNode):
        for item in scalars(node):
            name, _, text = item.value.partition("=")
            yield Setting(line=item.start_mark.line + 1, name=name, value=text)


def is_database(node: yaml.Node) -> bool:
    return member(node, "build") is None and bool(DATABASE.search(filled(member(node, "image"))))


def folder_of(build: yaml.Node | None) -> str:
    written = filled(member(build, "context")) if isinstance(build, yaml.MappingNode) else filled(build)
    return re.sub(r"^\./(?=.)", "", written.rstrip("/")) or "."


def filled(node: yaml.Node | None) -> str:
    return default(node.value) if isinstance(node, yaml.ScalarNode) else ""


def default(text: str) -> str:
    """With the default of each variable in its place; one without is nothing."""
    return DEFAULTED.sub(lambda match: match[2] or "", text)


def port_nodes(node: yaml.Node) -> list[yaml.Node]:
    for key in ("ports", "expose"):
        written = member(node, key)
        if isinstance(written, yaml.SequenceNode) and written.value:
            return list(written.value)
    return []


def container_port(node: yaml.Node) -> int | None:
    """Of `8080`, `80:8080`, `127.0.0.1:80:8080/tcp`, or the long form's `target`."""
    written = filled(member(node, "target")) if isinstance(node, yaml.MappingNode) else filled(node)
    port, _, protocol = written.rpartition(":")[2].partition("/")
    return int(port) if port.isdecimal() and protocol in ("", "tcp") else None


def mebibytes(text: str) -> int:
    """`256m`, `0.5gb`, `268435456`: https://github.com/compose-spec/compose-spec/blob/main/spec.md#specifying-byte-values"""
    match = re.fullmatch(r"([\d.]+)\s*([bkmg]?)b?", text.lower())
    if match is None:
        return 256
    scale = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}[match[2]]
    return max(int(Decimal(match[1]) * scale / 2**20), 4)


def service_name(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")


def names_of(keys: list[str]) -> list[str]:
    return [service_name(key) for key in keys]


def quoted(text: str) -> str:
    """As YAML, in quotes only where it needs them."""
    if re.fullmatch(r"[A-Za-z./][\w./@:-]*(?<!:)", text) and text.lower() not in (
        "true",
        "false",
        "yes",
        "no",
        "null",
        "on",
        "off",
    ):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""`secrets:` of a compose file: files in /run/secrets, which become `files:` from the vault.

The password of a database is a part of its URL, which culm makes: `main.password` of the vault. Others are put there by
hand, `culm vault put`, as culm.yml's comment says.
https://github.com/compose-spec/compose-spec/blob/main/09-secrets.md
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from culm.core.model.record import record
from culm.project.compose.services import ComposeService
from culm.project.compose.tree import Scalar, SourceLine, Table
from culm.project.compose.tree import Sequence as Items
from culm.scaffold.candidates import Outline
from culm.scaffold.compose_notes import Notes

FOLDER = "/run/secrets"
PARTS = ((r"PASS(WORD|WD)?_FILE$", "password"), (r"USER(NAME)?_FILE$", "user"), (r"(DB|DATABASE|NAME)_FILE$", "name"))
"""What a database's image reads from which of its variables: https://hub.docker.com/_/postgres"""


@record
class MountedSecret:
    """One of `secrets:` of a service."""

    place: SourceLine
    name: str
    path: str


def of_service(service: ComposeService) -> Iterator[MountedSecret]:
    """Yield the secrets that a service has, of the short and the long form."""
    listed = service.at("secrets")
    for item in listed.items if isinstance(listed, Items) else ():
        table = item.entries if isinstance(item, Table) else {"source": item}
        name, target = table.get("source"), table.get("target")
        if isinstance(name, Scalar) and name.text:
            path = target.text if isinstance(target, Scalar) and target.text else name.text
            yield MountedSecret(place=item.place, name=name.text, path=posixpath.join(FOLDER, path))


def of_servers(servers: Mapping[str, ComposeService]) -> dict[str, str]:
    """Return the secrets that database services begin with, as files of the vault: `db-password` -> `main.password`.

    `servers` are their services, by their names in `databases:`.
    """
    result: dict[str, str] = {}
    for called, server in servers.items():
        names = {each.path: each.name for each in of_service(server)}
        result |= {name: f"{called}.password" for name in names.values() if re.search(r"pass|pwd", name, re.IGNORECASE)}
        for variable, scalar in server.environment.items():
            part = next((part for pattern, part in PARTS if re.search(pattern, variable)), None)
            if part is not None and scalar.text in names:
                result[names[scalar.text]] = f"{called}.{part}"
    return result


def give(service: ComposeService, candidate: Outline, known: Mapping[str, str], notes: Notes) -> None:
    """Write a service's secrets as `files:`. `known` are those of its databases, as files of the vault."""
    files: dict[str, str] = {}
    for secret in of_service(service):
        if posixpath.dirname(secret.path) != FOLDER or not re.fullmatch(r"[\w.-]+", secret.path.rpartition("/")[2]):
            notes.of(service, secret.place, "secrets", f"left out: {secret.path} is not in {FOLDER}")
            continue
        files[secret.path] = known.get(secret.name) or re.sub(r"[^\w.-]+", "-", secret.name)
        notes.of(service, secret.place, "secrets", f"becomes one of `files:`, from the vault's {files[secret.path]}")
    if not files:
        return
    candidate.block.put("files", files)
    tell(candidate, [file for path, file in files.items() if file not in known.values()])


def tell(candidate: Outline, files: Sequence[str]) -> None:
    """Say which files somebody has to put into the vault."""
    if files:
        listed = ", ".join(f"local/{candidate.block.name}/{file}" for file in files)
        candidate.block.comments.append(f"files, for the vault (`culm vault put` before `culm up`): {listed}")

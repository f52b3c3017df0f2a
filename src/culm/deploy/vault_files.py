"""Files that the deploy itself puts into the vault: databases' and the load balancer's URLs."""

from culm import render
from culm.project.project import Project
from culm.target.connection import Target
from culm.vault.files import File, Vault
from culm.vault.names import Name
from culm.vault.secret import Secret

OPERATOR = ".culm"
"""In a service's place: what no service may read. No service can have this name."""


def vault_of(target: Target, project: Project) -> Vault:
    """Return the vault of the project on this target; its bucket need not be there yet."""
    return Vault(target.client("s3"), render.vault_bucket(project.name, target.account, target.region))


def get(target: Target, surroundings: render.Surroundings, service: str, file: str) -> str | None:
    """Return the text of a service's file in the vault, None if there is none. Raises CulmError if it is corrupted."""
    file_there = read(target, surroundings, service, file)
    return file_there.data.text() if file_there else None


def put(target: Target, surroundings: render.Surroundings, service: str, file: str, text: str) -> None:
    """Write it over what is there now; a deploy that runs at the same time fails one of the two, and loses nothing."""
    current = read(target, surroundings, service, file)
    Vault(target.client("s3"), surroundings.vault).write(
        name(surroundings, service, file), Secret(text.encode()), over=current
    )


def read(target: Target, surroundings: render.Surroundings, service: str, file: str) -> File | None:
    """Return the file with its version, None if there is none. Raises CulmError if it is corrupted."""
    return Vault(target.client("s3"), surroundings.vault).read(name(surroundings, service, file))


def name(surroundings: render.Surroundings, service: str, file: str) -> Name:
    """Return the name in the vault of a service's file, in the environment of this target."""
    return Name(env=surroundings.env, service=service, file=file)

"""Names in the vault: `stg/accounts/settings.toml` is environment, service, file. Pure."""

import re

from culm.core.model.record import record
from culm.errors import UsageError

PART = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""Of a name: harmless in a key, in a URL, and as a file."""

SHAPE = "ENV/SERVICE/FILE, such as stg/accounts/settings.toml"


@record
class Name:
    env: str
    service: str
    file: str

    def __str__(self) -> str:
        return f"{self.env}/{self.service}/{self.file}"


@record
class Folder:
    """The files of an environment, or of one service in it; without an environment: all."""

    env: str = ""
    service: str = ""

    @property
    def prefix(self) -> str:
        """The prefix of its keys, with a slash at the end so that `stg/web` does not cover `stg/website`."""
        return "".join(f"{part}/" for part in (self.env, self.service) if part)

    def __str__(self) -> str:
        return self.prefix.rstrip("/") or "the vault"

    def file(self, name: str) -> Name:
        """Return the name of a file in this folder."""
        return Name(env=self.env, service=self.service, file=name)


def name(text: str) -> Name:
    """Parse the name of a file. Raises UsageError."""
    match parts(text):
        case [env, service, file]:
            return Name(env=env, service=service, file=file)
        case _:
            raise UsageError(f"{text!r} does not name a file of the vault", SHAPE)


def folder(text: str) -> Folder:
    """Parse `stg`, `stg/accounts` or an empty text. Raises UsageError."""
    match parts(text):
        case []:
            return Folder()
        case [env]:
            return Folder(env=env)
        case [env, service]:
            return Folder(env=env, service=service)
        case _:
            raise UsageError(f"{text!r} does not name an environment or a service of the vault", "ENV or ENV/SERVICE")


def named(text: str) -> Name | Folder:
    """Parse a file's name where there are three parts, else a folder's. Raises UsageError."""
    return name(text) if len(parts(text)) > 2 else folder(text)


def parts(text: str) -> list[str]:
    """Return the parts of a name such as `stg/web/env`. Raises UsageError for what cannot be part of one."""
    split = [part for part in text.rstrip("/").split("/") if text]
    for part in split:
        if not PART.fullmatch(part) or part in (".", ".."):
            raise UsageError(f"{text!r}: {part!r} cannot be part of a name", f"letters, digits, . _ and -: {SHAPE}")
    return split


def of_key(key: str) -> Name | None:
    """Return the name that an object's key stands for; None for an object that culm did not write."""
    match key.split("/", 2):
        case [env, service, file] if all((env, service, file)):
            return Name(env=env, service=service, file=file)
        case _:
            return None

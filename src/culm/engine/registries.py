"""Logins to registries as `docker login` left them: in docker's config.json, or with a credential helper.

A helper is a program, `docker-credential-<name>`: asked `get` with a registry on its standard input, it answers with
JSON. Which one is asked: the registry's own in `credHelpers`, else `credsStore`; without either the file has the login.

https://docs.docker.com/reference/cli/docker/login/#credential-helpers
https://docs.docker.com/reference/api/engine/version/v1.41/#section/Authentication
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from culm.core.model.record import record
from culm.engine.endpoint import configuration, configuration_folder
from culm.engine.images import DOCKER_HUB, split_registry
from culm.errors import CulmError

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""What Docker Hub is called in configuration files, by helpers and in X-Registry-Config."""
BY_TOKEN = "<token>"
"""The user name that says that the secret is an identity token."""
NOT_KNOWN = "credentials not found"
"""How every helper begins its word for a registry that it has no login for."""
HELPER_SECONDS = 30.0
"""A helper may ask a cloud, or wait for a keychain to be unlocked."""


@record
class EngineLogin:
    """What a registry wants to know."""

    server: str
    user: str = ""
    password: str = ""
    identity_token: str = ""

    def fields(self) -> dict[str, str]:
        """Return the login as the engine reads it."""
        if self.identity_token:
            return {"identitytoken": self.identity_token, "serveraddress": self.server}
        return {"username": self.user, "password": self.password, "serveraddress": self.server}

    def header(self) -> str:
        """Return the value of X-Registry-Auth."""
        return encoded(self.fields())


def encoded(value: Mapping[str, Any]) -> str:
    """Return JSON in the alphabet of URLs, as headers carry it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def login_to(registry: str, environment: Mapping[str, str] = os.environ) -> EngineLogin | None:
    """Return the user's login to `host[:port]`; None when there is none. Raises CulmError when its helper fails."""
    settings = configuration(configuration_folder(environment))
    key = DOCKER_HUB_KEY if registry == DOCKER_HUB else registry
    helper = of_registry(settings.get("credHelpers"), registry) or settings.get("credsStore")
    if isinstance(helper, str) and helper:
        login = ask_helper(helper, key, environment)
        if login is not None:
            return login
    entry = of_registry(settings.get("auths"), registry)
    return from_entry(entry, key) if isinstance(entry, dict) else None


def logins_for(
    images: Iterable[str], environment: Mapping[str, str] = os.environ
) -> tuple[dict[str, EngineLogin], list[str]]:
    """Return the logins of these images' registries, by registry, and why a login could not be had."""
    logins: dict[str, EngineLogin] = {}
    problems: list[str] = []
    for registry in dict.fromkeys(split_registry(image)[0] for image in images):
        try:
            login = login_to(registry, environment)
        except CulmError as error:
            problems.append(error.what)
            continue
        if login is not None:
            logins[registry] = login
    return logins, problems


def config_header(logins: Iterable[EngineLogin]) -> str:
    """Return the value of X-Registry-Config: what a build may need for the images that it begins with."""
    return encoded({login.server: login.fields() for login in logins})


def of_registry(table: object, registry: str) -> Any:
    """Return a table's entry for a registry, whose keys may be hosts or URLs: `ghcr.io`, `https://ghcr.io/v2/`."""
    if not isinstance(table, dict):
        return None
    if registry in table:
        return table[registry]
    return next((value for key, value in table.items() if host_of(str(key)) == registry), None)


def host_of(key: str) -> str:
    """Return the host, with its port, that a key of config.json means."""
    host = urlsplit(key if "//" in key else f"//{key}").netloc
    return DOCKER_HUB if host in ("index.docker.io", "registry-1.docker.io") else host


def from_entry(entry: Mapping[str, Any], server: str) -> EngineLogin | None:
    """Return a login that the file itself has: `auth` is base64 of `user:password`."""
    if token := entry.get("identitytoken"):
        return EngineLogin(server=server, identity_token=str(token))
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if auth := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(auth)).decode().rstrip("\0").partition(":")
        except ValueError:
            return None
    return EngineLogin(server=server, user=user, password=password) if user else None


def ask_helper(name: str, server: str, environment: Mapping[str, str]) -> EngineLogin | None:
    """Return what `docker-credential-<name> get` says; None when it has no login for the server. Raises CulmError."""
    program = f"docker-credential-{name}"
    hint = f"docker login, or take {name} out of docker's config.json"
    try:
        answer = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=HELPER_SECONDS,
            env=dict(environment),
            check=False,
        )
    except FileNotFoundError:
        raise CulmError(f"docker's config.json names {program}, which is not on the PATH", hint) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CulmError(f"{program}, which docker's config.json names, did not answer: {error}", hint) from None
    if answer.returncode:
        complaint = (answer.stdout or answer.stderr).decode(errors="replace").strip()
        if complaint.startswith(NOT_KNOWN):
            return None
        raise CulmError(f"{program}, which docker's config.json names, failed: {complaint[:200]}", hint)
    try:
        content = json.loads(answer.stdout)
        user, secret = str(content.get("Username") or ""), str(content.get("Secret") or "")
    except (ValueError, AttributeError):
        raise CulmError(f"{program}, which docker's config.json names, did not answer with JSON", hint) from None
    if not secret:
        return None
    if user == BY_TOKEN:
        return EngineLogin(server=server, identity_token=secret)
    return EngineLogin(server=server, user=user, password=secret)

"""What the programs of RUN lines are to a host that cannot run them inside a container. Tables; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

Kind = Literal[
    "venv", "install", "tool", "file", "change-folder", "activate", "go", "hosted", "build", "nothing", "skip"
]
"""`hosted`: this machine's own program can do it, where it is there; `skip`: concerns the base image alone."""

NOTHING = frozenset(
    {"set", "true", ":", "echo", "printf", "umask", "sync", "ldconfig", "cat", "ls", "pwd", "env", "id", "whoami"}
    | {"uname", "date", "sleep", "which", "hash", "unset", "shopt", "trap", "wait", "exit", "alias", "du", "df", "stat"}
)
"""They leave nothing behind; with output to a file, `echo` and its like do."""
OF_THE_BASE = frozenset(
    {"apt-get", "apt", "apk", "yum", "dnf", "microdnf", "tdnf", "zypper", "dpkg", "rpm", "apt-key", "apt-mark"}
    | {"add-apt-repository", "aptitude", "apt-cache", "debconf-set-selections", "dpkg-reconfigure", "locale-gen"}
    | {"update-locale", "update-ca-certificates", "update-alternatives", "localedef", "useradd", "adduser", "usermod"}
    | {"userdel", "deluser", "groupadd", "addgroup", "groupmod", "groupdel", "delgroup", "passwd", "chpasswd", "chown"}
    | {"chgrp", "setcap", "gpg", "gpgconf", "strip", "find", "xargs", "install-deps", "setfacl", "fc-cache", "sysctl"}
    | {
        "rc-update",
        "systemctl",
        "service",
        "a2enmod",
        "a2ensite",
        "deb-systemd-helper",
        "usermod",
        "sudo",
        "fix-permissions",
    }
    | {"git-lfs", "crontab", "openssl", "ssh-keyscan", "ssh-keygen", "pecl", "docker-php-ext-install", "mandb", "pkill"}
)
"""They change the base image's own files, which a host does not have."""
FILES = frozenset({"mkdir", "chmod", "cp", "mv", "ln", "rm", "rmdir", "touch", "sed", "tee", "install"})
NODE = frozenset({"npm", "npx", "yarn", "pnpm", "pnpx", "node", "corepack", "yarnpkg"})
TOOLS = frozenset({"poetry", "pipenv", "pdm"})
"""Installers of Python projects that uv runs in an environment of their own."""
BUILDERS: Mapping[str, tuple[str, ...]] = {
    "go": ("build", "install", "generate"),
    "make": (),
    "cmake": (),
    "ninja": (),
    "meson": (),
    "gcc": (),
    "g++": (),
    "cc": (),
    "c++": (),
    "clang": (),
    "rustc": (),
    "cargo": ("build", "install"),
    "bun": ("install", "build", "run", "i"),
    "deno": ("compile", "cache", "install"),
    "mvn": (),
    "./mvnw": (),
    "gradle": (),
    "./gradlew": (),
    "gradlew": (),
    "mvnw": (),
    "sbt": (),
    "javac": (),
    "jlink": (),
    "ant": (),
    "dotnet": ("build", "publish", "restore"),
    "bundle": ("install", "exec"),
    "bundler": ("install", "exec"),
    "gem": ("install",),
    "rake": (),
    "rails": (),
    "composer": ("install", "update", "create-project"),
    "php": (),
    "mix": (),
    "swift": ("build",),
    "stack": (),
    "cabal": (),
    "conda": (),
    "mamba": (),
    "micromamba": (),
    "curl": (),
    "wget": (),
    "tar": (),
    "unzip": (),
    "gunzip": (),
    "git": ("clone", "submodule", "checkout"),
}
"""Programs that put what a service may need into the image; with the subcommands that do, where not all do."""

SERVERS = frozenset(
    {"nginx", "httpd", "caddy", "php", "wordpress", "redis", "valkey", "postgres", "mysql", "mariadb", "mongo"}
    | {"rabbitmq", "traefik", "haproxy", "memcached", "tomcat", "jetty", "keycloak", "nginx-unprivileged", "openresty"}
    | {"uvicorn-gunicorn-fastapi", "uvicorn-gunicorn", "uwsgi-nginx-flask", "uwsgi-nginx", "meinheld-gunicorn-flask"}
    | {"elasticsearch", "grafana", "prometheus", "envoy", "varnish", "drupal", "ghost", "registry", "kong", "superset"}
)
"""Base images that bring the very program that they start."""


def named(program: str) -> str:
    """Return the bare name of a program: `pip` for `/opt/venv/bin/pip3.12`; `./mvnw` stays."""
    base = program.rsplit("/", 1)[-1]
    return program if program.startswith("./") and program in BUILDERS else base


def is_python(program: str) -> bool:
    """Return whether a program is a Python interpreter: `python`, `python3.12`, `/usr/bin/pypy3`."""
    return re.fullmatch(r"(?:python|pypy)[\d.]*", program.rsplit("/", 1)[-1]) is not None


def plain_words(argv: Sequence[str]) -> list[str]:
    """Return a command's words without its name and its options."""
    return [word for word in argv[1:] if not word.startswith("-")]


def builds(argv: Sequence[str]) -> bool:
    """Return whether the command compiles or bundles, which only the image's own tools can do."""
    name = argv[0] if argv[0] in BUILDERS else named(argv[0])
    if name not in BUILDERS:
        return False
    subcommands = BUILDERS[name]
    return not subcommands or any(word in subcommands for word in plain_words(argv)[:2])

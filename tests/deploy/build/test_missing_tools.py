"""Which packages of the system a failed installation wanted."""

import pytest

from culm.deploy.build.missing_tools import ENGINE_HINT, cause, hint


@pytest.mark.parametrize(
    ("output", "packages"),
    [
        ("OSError: mysql_config not found", "default-libmysqlclient-dev pkg-config"),
        ("Error: pg_config executable not found.", "libpq-dev"),
        ("error: command 'gcc' failed: No such file or directory", "build-essential"),
        ("gyp ERR! stack Error: not found: make", "build-essential"),
        (
            "x.c:1: fatal error: Python.h: No such file\nx.c:2: fatal error: libpq-fe.h: No such file",
            "libpq-dev python3-dev",
        ),
    ],
)
def test_what_a_package_is_compiled_with_is_named(output: str, packages: str) -> None:
    assert f"apt-get install {packages} (" in hint(output)


def test_a_header_that_no_table_has_is_named_itself() -> None:
    assert hint("a.c:3:10: fatal error: snappy-c.h: No such file or directory").startswith(
        "this machine lacks snappy-c.h"
    )
    assert hint("SyntaxError: invalid syntax") == ENGINE_HINT


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (
            "npm error 404 Not Found - GET https://registry.example.com/@me%2feslint-config - Not found",
            "the registry has no package @me/eslint-config",
        ),
        (
            "npm error 404 Not Found - GET https://registry.example.com/@me/tools/-/tools-1.0.4.tgz\nnpm error 404",
            "the registry has no package @me/tools",
        ),
        (
            "npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.",
            "package-lock.json does not fit package.json",
        ),
        ("npm ERR! code ERESOLVE\nnpm ERR! could not resolve", "two packages want different versions of a third"),
        (
            "../../node_modules/@types/yargs/index.d.ts(890,79): error TS1005: '(' expected.",
            "@types/yargs is newer than its TypeScript",
        ),
        ('npm error Missing script: "build:prod"', "package.json has no script build:prod"),
        ("\n  NoCompatiblePythonVersionFound\n", "the project wants another Python than this machine has"),
        ("Resolving...\n\nPackage isort (5.13.2) not found.", "no package index has isort (5.13.2)"),
        (
            "  x No solution found\n  Because there is no version of flask==99 and you require flask==99",
            "no package index has flask==99",
        ),
        (
            "ImportError: cannot import name 'Feature' from 'setuptools' (/x)",
            "a package is older than the setuptools that builds it",
        ),
        ("Because nowhere-x was not found in the package registry", "no package index has nowhere-x"),
        ("OSError: mysql_config not found", "this machine lacks default-libmysqlclient-dev pkg-config"),
        ("  File x\nModuleNotFoundError: No module named 'a'\n\n", "ModuleNotFoundError: No module named 'a'"),
        ("collecting\nerror: it broke\nbye", "error: it broke"),
        ("[pipenv.exceptions.InstallError]:   ImportError: no Feature\nERROR: Couldn't: {}", "ImportError: no Feature"),
        ("collecting\nbye", ""),
    ],
)
def test_the_cause_of_a_failed_installation_is_said_in_a_line(output: str, why: str) -> None:
    assert cause(output) == why

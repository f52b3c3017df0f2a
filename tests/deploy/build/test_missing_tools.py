"""Which packages of the system a failed installation wanted."""

import pytest

from culm.deploy.build.missing_tools import ENGINE_HINT, hint


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

"""In the cluster half `async def` touches the world, so it lives only where the world may be touched."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "culm"
MAY_TOUCH_THE_WORLD = (
    "cluster/daemon/",
    "cluster/scheduler/",
    "cluster/balancer/",
    "cluster/database/",
    "cluster/exec/",
    "cluster/instance/",
    "cluster/registry/",
    "cluster/loop.py",
    "cluster/outgoing.py",
    "cluster/wire/asgi.py",
)
NEEDS_ITS_OWN_THREAD = ("cluster/store/db.py",)
"""`Store.run` is the door between the two colours."""
CLIENTS = ("operate/exec/stream.py", "engine/asynchronous.py", "web/server.py")
"""The client half is of one colour, but for what carries a session, which reads a terminal and a stream at once, and
the page's server, which holds many streams open."""
OF_BOTH = ("prefixes/make.py",)
"""The base serves a runtime that may be told to stop in the middle of an install."""
WITHOUT_A_CLOCK = ("cluster/services", "cluster/store", "cluster/wire", "core", "plan", "render")


def test_every_room_that_the_rules_name_exists():
    named = (*MAY_TOUCH_THE_WORLD, *NEEDS_ITS_OWN_THREAD, *CLIENTS, *OF_BOTH, *WITHOUT_A_CLOCK)
    assert [room for room in named if not (SOURCE / room).exists()] == []


def test_coroutines_live_only_in_the_rooms_that_touch_the_world():
    strays = [
        f"{name}:{node.lineno} {node.name}"
        for path in sorted(SOURCE.rglob("*.py"))
        if not (name := path.relative_to(SOURCE).as_posix()).startswith(
            MAY_TOUCH_THE_WORLD + NEEDS_ITS_OWN_THREAD + CLIENTS + OF_BOTH
        )
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert strays == []


def test_decisions_and_the_store_never_read_the_clock():
    strays = [
        path.relative_to(SOURCE).as_posix()
        for room in WITHOUT_A_CLOCK
        for path in sorted((SOURCE / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "time" in {alias.name for alias in node.names} | {getattr(node, "module", None)}
    ]
    assert strays == []

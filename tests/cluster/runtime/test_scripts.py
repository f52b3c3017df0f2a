"""Shell scripts of an image, changed for the host before a container starts them."""

from pathlib import Path

import pytest

from culm.cluster.instance.runtime.interface import Port
from culm.cluster.instance.runtime.process import scripts
from culm.cluster.instance.runtime.process.rootfs import Rootfs

PORTS = (Port(container_port=8000, host_port=40123),)
START = """#!/bin/sh
# starts /app on 8000
cd /app && cp -r /public "/app/static"
exec gunicorn --chdir /app --bind 0.0.0.0:8000 --timeout 8000 web:app
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("app/bin", "public", "usr/local/bin"):
        (tmp_path / "rootfs" / folder).mkdir(parents=True)
    return tmp_path / "rootfs"


def adapted(root: Path, script: str, text: str, *words: str) -> str:
    file = root / script
    file.write_text(text)
    file.chmod(0o555)
    places = scripts.Places(
        rootfs=Rootfs(root), directory=root / "app", path="/usr/local/bin:/bin", ports=PORTS, address="127.77.0.11"
    )
    scripts.adapt(words, places)
    assert file.stat().st_mode & 0o777 == 0o555
    return file.read_text().replace(str(root), "ROOT")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("app/start.sh", ("/app/start.sh",)),
        ("app/start.sh", ("./start.sh", "serve")),
        ("app/bin/start", ("sh", "-e", "bin/start")),
        ("usr/local/bin/entry", ("entry",)),
        ("usr/local/bin/entry", ("tini", "--", "entry")),
        ("app/start.sh", ("sh", "-c", "true && ./start.sh")),
    ],
)
def test_paths_and_ports_of_a_script_that_is_started_are_the_host_s(
    root: Path, script: str, words: tuple[str, ...]
) -> None:
    assert adapted(root, script, START, *words).splitlines() == [
        "#!/bin/sh",
        "# starts /app on 8000",
        'cd ROOT/app && cp -r ROOT/public "ROOT/app/static"',
        "exec gunicorn --chdir ROOT/app --bind 127.77.0.11:40123 --timeout 8000 web:app",
    ]


def test_scripts_that_a_script_starts_are_changed_too(root: Path) -> None:
    (root / "app/more.sh").write_text("cd /public\n")
    (root / "app/other.sh").write_text("cd /public\n")
    adapted(root, "app/start.sh", "#!/bin/bash\n. /app/more.sh\nexec ./start.sh\n", "/app/start.sh")
    assert (root / "app/more.sh").read_text() == f"cd {root}/public\n"
    assert (root / "app/other.sh").read_text() == "cd /public\n"


def test_programs_and_what_is_outside_stay_as_they_are(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.sh").write_text("#!/bin/sh\ncd /app\n")
    (root / "app/link.sh").symlink_to(tmp_path / "outside.sh")
    assert adapted(root, "app/main.py", "#!/usr/bin/env python3\nopen('/app')\n", "./main.py").endswith("('/app')\n")
    assert adapted(root, "app/packed.sh", "#!/bin/sh\ncd /app\n\0", "./packed.sh").endswith("\0")
    assert adapted(root, "app/start.sh", "#!/bin/sh\n./link.sh\n", "./start.sh") == "#!/bin/sh\n./link.sh\n"
    assert (tmp_path / "outside.sh").read_text() == "#!/bin/sh\ncd /app\n"


def test_patterns_with_slashes_and_dots_are_no_paths_and_the_examples_entrypoint_stays_as_it_is(root: Path) -> None:
    patterns = "#!/bin/sh\ncase /$1/ in\n*//* | */./* | */../*) exit 1 ;;\nesac\nsed 's|\\\\/|/|g'\ncd /\n"
    assert adapted(root, "app/start.sh", patterns, "/app/start.sh") == patterns
    entrypoint = (Path(__file__).parents[3] / "examples/bamboo/accounts/docker/entrypoint.sh").read_text()
    assert adapted(root, "app/bin/start", entrypoint, "/app/bin/start") == entrypoint


@pytest.mark.parametrize(
    ("text", "bash", "first"),
    [
        ("#!/bin/sh\nsource venv/bin/activate\n", "/bin/bash", "#!/bin/bash"),
        ('#!/bin/sh\nif [[ "$?" == "0" ]]; then exit; fi\n', "/bin/bash", "#!/bin/bash"),
        ('#!/bin/sh\nif [ "$?" = 0 ]; then exit; fi\n', "/bin/bash", "#!/bin/sh"),
        ("#!/bin/sh\nsource venv/bin/activate\n", None, "#!/bin/sh"),
        ("#!/usr/bin/env zsh\nsource x\n", "/bin/bash", "#!/usr/bin/env zsh"),
    ],
)
def test_a_script_for_alpine_s_shell_is_run_by_one_that_knows_as_much(text: str, bash: str | None, first: str) -> None:
    changed = scripts.with_its_shell(text, bash)
    assert changed.splitlines()[0] == first
    assert changed.splitlines()[1:] == text.splitlines()[1:]

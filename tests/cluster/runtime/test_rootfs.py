import subprocess
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.process.rootfs import Rootfs, copy, place_link


@pytest.fixture
def rootfs(tmp_path: Path) -> Rootfs:
    for name in ("app/main.py", "app/conf/url", "etc/motd", "usr/bin/python3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Rootfs(tmp_path)


def test_what_the_image_has_is_mapped_and_the_rest_stays(rootfs: Rootfs):
    assert rootfs.map("/app/main.py") == f"{rootfs.root}/app/main.py"
    assert rootfs.map("/app/../etc/motd") == f"{rootfs.root}/etc/motd"
    for same in ("/var/lib/x", "app/main.py", "/", "", "/usr/bin/python3", "/dev/null"):
        assert rootfs.map(same) == same


def test_paths_within_a_command_line_are_mapped(rootfs: Rootfs):
    root = rootfs.root
    line = "cd /app && exec python3 /app/main.py --conf=/app/conf/url --to=s3://app/conf >/dev/null"
    assert rootfs.map_text(line) == (
        f"cd {root}/app && exec python3 {root}/app/main.py --conf={root}/app/conf/url --to=s3://app/conf >/dev/null"
    )


def test_a_shell_finds_paths_that_got_a_space(tmp_path: Path):
    rootfs = Rootfs(tmp_path / "a home")
    rootfs.inside("/app").mkdir(parents=True)
    rootfs.inside("/app/motd").write_text("hello\n")
    script = rootfs.map_script("""cd /app && cat /app/motd "/app/motd" '/app/motd' """)
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == "hello\n" * 3


def test_values_that_are_lists_of_paths_are_mapped_but_not_urls(rootfs: Rootfs):
    given = {"PYTHONPATH": "/app:/opt/none", "URL": "http://host:80/app", "PATH": "/app"}
    mapped = {"PYTHONPATH": f"{rootfs.root}/app:/opt/none", "URL": "http://host:80/app", "PATH": "/app"}
    assert rootfs.map_environment(given) == mapped


def test_the_images_own_programs_are_found_before_the_hosts(rootfs: Rootfs):
    (rootfs.root / "opt/tools").mkdir(parents=True)
    assert rootfs.search_path("/opt/tools:/usr/local/bin", "/host/bin") == f"{rootfs.root}/opt/tools:/host/bin"


def test_a_copy_is_private(rootfs: Rootfs, tmp_path_factory: pytest.TempPathFactory):
    own = copy(rootfs.root, tmp_path_factory.mktemp("copies") / "one")
    own.inside("/app/main.py").write_text("changed")
    assert rootfs.inside("/app/main.py").read_text() == ""


def test_a_link_takes_the_place_of_what_was_there(rootfs: Rootfs, tmp_path_factory: pytest.TempPathFactory):
    target = tmp_path_factory.mktemp("venv")
    for path in ("/app", "/opt/deep/venv", "/etc/motd"):
        place_link(rootfs, path, target)
        assert rootfs.inside(path).resolve() == target

"""Where a host runs a build's commands."""

from pathlib import Path

from culm.deploy.build.context import ImageFile, made
from culm.deploy.build.hosted import Job
from culm.deploy.build.workshop import Workshop


def test_builds_side_by_side_download_into_folders_of_their_own(tmp_path: Path) -> None:
    job = Job(where="Dockerfile:2: RUN yarn", argv=("yarn",), environment={}, folder="/app", tree={})
    folders = []
    for name in ("web", "css"):
        (tmp_path / name).mkdir()
        folders.append(Workshop(tmp_path / name, tmp_path / "venvs").environment(job)["YARN_CACHE_FOLDER"])
    assert folders == [str(tmp_path / "web" / "yarn"), str(tmp_path / "css" / "yarn")]


def test_folders_that_settings_of_node_name_are_the_copys_while_a_command_runs(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    workshop = Workshop(tmp_path / "scratch", tmp_path / "venvs")
    written = '# yarn\n--modules-folder "/node_modules"\nregistry "https://x/y"\nlastUpdateCheck 1\n'
    settings = made(written.encode())
    tree = {"/app": ImageFile(kind="folder"), "/app/.yarnrc": settings}
    job = Job(
        where="Dockerfile:2: RUN cat",
        argv=("cat", ".yarnrc"),
        environment={},
        folder="/app",
        tree=tree,
        output="/shown",
    )

    result = workshop.run(job)

    shown = (workshop.root / "shown").read_text()
    assert shown == written.replace("/node_modules", f"{workshop.root}/node_modules")
    assert "/app/.yarnrc" not in result.changed
    assert (workshop.root / "app/.yarnrc").read_text() == written

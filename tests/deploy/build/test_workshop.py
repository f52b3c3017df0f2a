"""Where a host runs a build's commands."""

from pathlib import Path

from culm.deploy.build.hosted import Job
from culm.deploy.build.workshop import Workshop


def test_builds_side_by_side_download_into_folders_of_their_own(tmp_path: Path) -> None:
    job = Job(where="Dockerfile:2: RUN yarn", argv=("yarn",), environment={}, folder="/app", tree={})
    folders = []
    for name in ("web", "css"):
        (tmp_path / name).mkdir()
        folders.append(Workshop(tmp_path / name, tmp_path / "venvs").environment(job)["YARN_CACHE_FOLDER"])
    assert folders == [str(tmp_path / "web" / "yarn"), str(tmp_path / "css" / "yarn")]

"""What pipelines install is culm's repository at a revision, never a name of an index."""

from pathlib import Path

from culm import __version__
from culm.project.installed import REPOSITORY, of, requirement

ROOT = Path(__file__).parents[2]


def test_an_installation_from_git_names_its_own_revision() -> None:
    origin = {"url": "https://example.com/ours/culm.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b2c"}}
    assert of(origin) == "git+https://example.com/ours/culm.git@0a1b2c"


def test_a_folder_that_is_no_checkout_and_a_wheel_name_the_tag_of_the_version(tmp_path: Path) -> None:
    tag = f"git+{REPOSITORY}@v{__version__}"
    assert of({}) == tag
    assert of({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}) == tag


def test_nothing_that_culm_writes_asks_an_index_for_its_name() -> None:
    assert requirement().startswith("git+https://")
    written = [*(ROOT / "src").rglob("*.tmpl"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    written += (ROOT / "examples").rglob("*.yml")
    assert [path for path in written if "pip install culm" in path.read_text() or "culm==" in path.read_text()] == []

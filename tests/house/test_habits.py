"""What people see first: pinned actions, a lock that covers what pyproject.toml asks for, a release that can be cut."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from tools.release import cut

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_pin_actions_by_commit_and_ask_for_no_rights(workflow):
    text = workflow.read_text()
    actions = re.findall(r"uses: (\S+)(.*)", text)
    assert actions
    assert [name for name, tag in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name) or " # v" not in tag] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_targets_that_the_makefile_has(workflow):
    wanted = set(re.findall(r"\bmake ([a-z-]+)", workflow.read_text()))
    assert wanted - MAKE_TARGETS == set()


def test_ci_runs_every_python_that_the_classifiers_claim():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = {each.split(" :: ")[-1] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)}
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert claimed <= set(jobs["pure"]["strategy"]["matrix"]["python"])


def test_the_lock_has_every_dependency_by_hash_and_no_address():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [*pyproject["project"]["dependencies"], *pyproject["dependency-groups"]["dev"]]
    wanted = {re.split(r"[\s<>=;\[]", line, maxsplit=1)[0].lower().replace("_", "-") for line in lines}
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.findall(r"^([a-z0-9][a-z0-9.-]*)==\S+(?: ; [^\\\n]+)? \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert wanted - set(entries) == set()
    assert "://" not in lock
    assert "--find-links" not in lock


def test_the_version_is_said_once_more_in_the_package_and_is_the_same():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'__version__ = "{version}"' in (ROOT / "src" / "culm" / "__init__.py").read_text()


CHANGELOG = "# Changelog\n\n## Unreleased\n\n- a thing\n\n## 0.1.0 - 2026-01-01\n\n- older\n"


def test_a_release_takes_what_is_unreleased_and_leaves_an_empty_heading():
    after = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-01\n\n- a thing\n\n## 0.1.0 - 2026-01-01\n\n- older\n"
    assert cut(CHANGELOG, "0.2.0", "2026-02-01") == after


def test_a_release_without_changes_or_of_a_released_version_is_refused():
    with pytest.raises(ValueError, match=r"section 0\.1\.0 already"):
        cut(CHANGELOG, "0.1.0", "2026-02-01")
    with pytest.raises(ValueError, match="nothing under"):
        cut(CHANGELOG.replace("- a thing\n\n", ""), "0.2.0", "2026-02-01")

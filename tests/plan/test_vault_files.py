"""Files of `files:` that the vault lacks are named before anything is changed, with the commands that store them."""

from dataclasses import replace
from pathlib import Path

import pytest

from culm.cli.planning import started
from culm.errors import Differs
from culm.plan.observed import Observed
from culm.plan.vault_files import demand, demand_of_revisions, missing, notes
from culm.project.load import load
from culm.project.project import Project
from culm.render import task_definition
from culm.target.survey import nothing

MANIFEST = """\
name: shop
targets:
  stg: {provider: aws}
databases: {main: {engine: postgres, rds: {}}, old: {engine: postgres}}
services:
  docs: {image: "nginx:1.27", port: 80, path: /docs/*, database: [main, old], files: {FILES}}
  nightly: {image: "busybox:1", command: [cat], schedule: every day, files: {/srv/words/list: words.txt}}
"""


def shop(folder: Path, files: str) -> Project:
    (folder / "culm.yml").write_text(MANIFEST.replace("FILES", files))
    return load(folder / "culm.yml")


def kept(project: Project, *keys: str) -> Observed:
    return replace(nothing(project, project.targets["stg"], "us-east-1").observed, vault=frozenset(keys))


def test_each_missing_file_is_named_with_a_command_to_paste(tmp_path: Path) -> None:
    project = shop(tmp_path, "/srv/conf/a: a.conf, /srv/more/a: a.conf, /srv/conf/b: b.conf")
    with pytest.raises(Differs) as refusal:
        demand(
            project, project.targets["stg"], ["docs", "nightly"], kept(project, "stg/docs/b.conf", "local/docs/a.conf")
        )
    assert refusal.value.what == (
        "stg/docs/a.conf, stg/nightly/words.txt are not in the vault, and `files:` of culm.yml needs them; "
        "nothing was changed"
    )
    assert refusal.value.hint.split("\n     ") == [
        "culm vault put stg/docs/a.conf a.conf --target stg",
        "culm vault put stg/nightly/words.txt words.txt --target stg",
    ]
    with pytest.raises(Differs) as refusal:
        demand(project, project.targets["local"], ["nightly"], replace(kept(project), vault=None))
    assert refusal.value.hint == "culm vault put local/nightly/words.txt words.txt"


def test_only_services_of_the_deploy_count_and_what_is_there_is_enough(tmp_path: Path) -> None:
    project = shop(tmp_path, "/srv/conf/a: a.conf")
    demand(project, project.targets["stg"], ["docs"], kept(project, "stg/docs/a.conf"))


def test_files_that_the_deploy_writes_are_not_missing(tmp_path: Path) -> None:
    project = shop(tmp_path, "/srv/c/u: database.url, /srv/c/o: old.url, /srv/c/l: load-balancer.url")
    assert missing(project, project.targets["local"], ["docs"], kept(project)) == []
    assert missing(project, project.targets["stg"], ["docs"], kept(project)) == ["stg/docs/old.url"], "it is brought"
    project = shop(tmp_path, "/run/secrets/p: main.password, /run/secrets/c: main.colour")
    assert missing(project, project.targets["stg"], ["docs"], kept(project)) == ["stg/docs/main.colour"]


def test_a_plan_of_an_empty_target_says_what_to_store_first(tmp_path: Path) -> None:
    project = shop(tmp_path, "/srv/conf/a: a.conf")
    assert notes(project, project.targets["stg"], ["docs"], kept(project)) == [
        "before `culm up`: culm vault put stg/docs/a.conf a.conf --target stg, as `files:` of docs needs it"
    ]


def test_new_tasks_of_a_live_revision_need_the_files_that_it_was_registered_with(tmp_path: Path) -> None:
    project = shop(tmp_path, "/srv/conf/a: a.conf, /srv/conf/b: b.conf")
    surveyed = nothing(project, project.targets["stg"], "us-east-1")
    docs = project.services["docs"]
    revision = task_definition(project, docs, "nginx:1.27", None, surveyed.surroundings)
    live = {"taskDefinition": "docs:1", "desiredCount": 2}
    observed = replace(kept(project, "stg/docs/b.conf"), services={"docs": live}, task_definitions={"docs:1": revision})
    there = replace(surveyed, observed=observed)
    restarted = started(there, {"docs": {"forceNewDeployment": True}})
    with pytest.raises(Differs, match=r"stg/docs/a.conf is not in the vault.*nothing was changed"):
        demand_of_revisions(restarted, project.targets["stg"], observed)
    assert started(there, {"docs": {"desiredCount": 3}}) == restarted
    assert started(there, {"docs": {"desiredCount": 1}}) == [], "fewer tasks need no file"

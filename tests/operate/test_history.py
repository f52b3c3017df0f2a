"""Revisions of a service, out of what ECS describes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from culm.cli.history import page
from culm.operate.history import of
from culm.project.project import Project
from culm.render import MIGRATION_FILES_LABEL, MIGRATION_LABEL

MADE = datetime(2026, 1, 2, 10, 20, tzinfo=UTC)
FAMILY = "arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-web"


def a_definition(number: int, migration: str | None = None, files: str | None = None) -> dict[str, Any]:
    labels = {MIGRATION_LABEL: migration, MIGRATION_FILES_LABEL: files}
    return {
        "taskDefinitionArn": f"{FAMILY}:{number}",
        "registeredAt": MADE + timedelta(days=number),
        "registeredBy": "arn:aws:sts::000000000000:assumed-role/deploy/ada",
        "containerDefinitions": [
            {
                "image": f"127.0.0.1:4588/bamboo/web:0{number}23456789abcdef@sha256:{number}e",
                "dockerLabels": {name: value for name, value in labels.items() if value is not None},
            }
        ],
    }


def test_each_revision_says_who_made_it_how_it_ended_and_the_way_back(project: Project) -> None:
    deploys = {f"{FAMILY}:3": "ROLLBACK_SUCCESSFUL", f"{FAMILY}:2": "SUCCESSFUL"}
    revisions = of(project.services["web"], [a_definition(n) for n in (3, 2, 1)], f"{FAMILY}:2", deploys)
    assert [(r.number, r.live, r.outcome, r.back) for r in revisions] == [
        (3, False, "failed, gone back", "culm rollback web 3"),
        (2, True, "ready", ""),
        (1, False, "", "culm rollback web 1"),
    ]
    assert {(r.made_by, r.migration) for r in revisions} == {("ada", False)}
    assert revisions[0].image == "0323456789ab"


def test_going_back_across_a_migration_is_asked_for_by_name(project: Project) -> None:
    web = project.services["web"]
    definitions = [a_definition(3, "sha256:b"), a_definition(2, "sha256:a"), a_definition(1, "sha256:a")]
    newest, second, first = of(web, definitions, f"{FAMILY}:3", {})
    assert [r.migration for r in (newest, second, first)] == [True, False, False]
    assert second.back == "culm rollback web 2 --across-migration"
    assert first.back == "culm rollback web 1 --across-migration"


def test_a_migration_that_brought_no_new_file_is_no_obstacle(project: Project) -> None:
    web = project.services["web"]
    definitions = [a_definition(2, "sha256:b", "1.1.1"), a_definition(1, "sha256:a", "1.1.1")]
    _, first = of(web, definitions, f"{FAMILY}:2", {})
    assert first.back == "culm rollback web 1"


def test_a_service_that_was_removed_still_has_its_revisions(project: Project) -> None:
    [only] = of(project.services["web"], [a_definition(4)], "", {})
    assert (only.live, only.back) == (False, "culm rollback web 4")


def test_the_table_has_a_line_for_each(project: Project) -> None:
    shown = page(of(project.services["web"], [a_definition(2), a_definition(1)], f"{FAMILY}:2", {}))
    heads, newest, oldest = shown.splitlines()
    assert heads.split() == ["REVISION", "MADE", "BY", "IMAGE", "MIGRATION", "OUTCOME", "WAY", "BACK"]
    assert newest.endswith("live")
    assert oldest.endswith("culm rollback web 1")


def test_a_narrow_terminal_shows_the_revisions_and_the_way_back_whole(project: Project) -> None:
    deploys = {f"{FAMILY}:1": "STOPPED", f"{FAMILY}:2": "SUCCESSFUL"}
    plain = of(project.services["web"], [a_definition(n) for n in (2, 1)], f"{FAMILY}:2", deploys)
    migrated = of(project.services["web"], [a_definition(2, "sha256:b"), a_definition(1, "sha256:a")], "", deploys)
    assert [page(plain, width).splitlines()[0].split() for width in (60, 80, 100, None)] == [
        ["REVISION", "OUTCOME", "WAY", "BACK"],
        ["REVISION", "MADE", "OUTCOME", "WAY", "BACK"],
        ["REVISION", "MADE", "BY", "IMAGE", "OUTCOME", "WAY", "BACK"],
        ["REVISION", "MADE", "BY", "IMAGE", "MIGRATION", "OUTCOME", "WAY", "BACK"],
    ]
    assert "MIGRATION" in page(migrated, 80)
    assert all(len(line) <= width for width in (60, 80, 100) for line in page(plain, width).splitlines())

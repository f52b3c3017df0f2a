"""A preview is a project made from another one: its names, its routes, and what cannot be one."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.share import examples

from culm.errors import UsageError
from culm.project.load import load
from culm.project.previews import own_name, preview, preview_of, seconds
from culm.project.project import Project, Sleep, TargetSettings, Volume, named

MANIFEST = """\
name: shop
targets:
  local: {}
  stg: {provider: aws, env: stg, domain: stg.example.com, zone: Z0123456789ABC, instances: 1 x t3.small}
databases: {main: {engine: postgres}, cache: {engine: valkey}}
buckets: [pictures]
services:
  web:
    database: main
    calls: [api]
    count: 3
    environment: {API: "{api.url}/v1", AD: "{ads.url}", DB: "{main.host}", Q: "{cache.host}", TEXT: "{{api.url}}"}
    volumes: {data: /data}
  worker: {build: web, path: none, health: {command: "true"}, command: [work]}
  api: {path: [/api/*, /v1/*], database: [main, cache], after: [ads], buckets: [pictures]}
  ads: {scale: cpu 60, count: 1-4}
  report: {build: web, command: [report], schedule: "0 6 * * * Europe/Berlin"}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("shop")
    for name in ("web", "api", "ads"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text("FROM python\nEXPOSE 8000\n")
    (folder / "culm.yml").write_text(MANIFEST)
    return load(folder / "culm.yml")


def test_services_are_called_after_the_preview_and_keep_their_folder_and_repository(shop: Project) -> None:
    made = preview(shop, "local", "pr-42", ["api"])
    assert list(made.services) == ["pr-42--api"]
    api = made.services["pr-42--api"]
    assert (api.name, api.original, api.folder) == ("pr-42--api", "api", shop.services["api"].folder)
    assert made.targets["local"].env == "pr-42"
    assert made.name == "shop"
    assert made.jobs == {}


def test_services_of_one_folder_come_together(shop: Project) -> None:
    for chosen in ("web", "worker"):
        assert list(preview(shop, "local", "pr-1", [chosen]).services) == ["pr-1--web", "pr-1--worker"]


def test_references_lead_to_the_preview_where_it_has_the_service_and_past_it_where_not(shop: Project) -> None:
    both = preview(shop, "local", "pr-1", ["web", "api"]).services["pr-1--web"]
    assert both.container.environment == {
        "API": "{pr-1--api.url}/v1",
        "AD": "{ads.url}",
        "DB": "{main.host}",
        "Q": "{cache-pr-1.host}",
        "TEXT": "{{api.url}}",
    }
    assert both.calls == ("pr-1--api",)
    alone = preview(shop, "local", "pr-1", ["web"])
    assert alone.services["pr-1--web"].container.environment["API"] == "{api.url}/v1"
    assert alone.services["pr-1--web"].calls == ("api",)
    assert alone.called("api") == shop.services["api"]


def test_only_what_a_preview_calls_is_called_inside(shop: Project) -> None:
    assert not preview(shop, "local", "pr-1", ["api"]).services["pr-1--api"].called
    assert preview(shop, "local", "pr-1", ["api", "web"]).services["pr-1--api"].called


def test_it_waits_for_what_it_has_itself_alone(shop: Project) -> None:
    assert preview(shop, "local", "pr-1", ["api"]).services["pr-1--api"].after == ()
    assert preview(shop, "local", "pr-1", ["api", "ads"]).services["pr-1--api"].after == ("pr-1--ads",)


def test_it_runs_one_task_of_each_and_does_not_scale(shop: Project) -> None:
    made = preview(shop, "local", "pr-1", ["web", "ads"])
    assert {service.count for service in made.services.values()} == {1}
    assert {service.scaling for service in made.services.values()} == {None}


def test_it_sleeps_when_nobody_asks_it_by_the_target_s_rule_or_after_an_hour(shop: Project) -> None:
    assert preview(shop, "local", "pr-1", ["web"]).services["pr-1--web"].sleep == Sleep(after=3600)
    assert preview(shop, "stg", "pr-1", ["worker"]).services["pr-1--worker"].sleep is None
    own = Sleep(after=600, never=("ads",))
    local = replace(shop.targets["local"], sleep=own)
    ruled = named(replace(shop, targets={**shop.targets, "local": local}), local)
    made = preview(ruled, "local", "pr-1", ["web", "ads"])
    assert (made.services["pr-1--web"].sleep, made.services["pr-1--ads"].sleep) == (own, None)


def test_volumes_are_each_task_s_own(shop: Project) -> None:
    assert preview(shop, "local", "pr-1", ["web"]).volumes == {"data": Volume(scratch=True)}


def test_a_cache_is_a_server_of_its_own_and_keeps_its_file_s_name(shop: Project) -> None:
    made = preview(shop, "local", "pr-1", ["api"])
    api = made.services["pr-1--api"]
    assert api.databases == ("main", "cache-pr-1")
    assert made.databases == {"main": "postgres", "cache-pr-1": "valkey"}
    assert [made.url_file(api, name) for name in api.databases] == ["database.url", "cache.url"]
    assert made.buckets == ("pr-1--pictures",)


def test_without_a_domain_host_header_and_cookie_lead_to_it(shop: Project) -> None:
    made = preview(shop, "local", "pr-1", ["api", "ads"])
    api, ads = made.services["pr-1--api"], made.services["pr-1--ads"]
    assert api.routing.hosts == ads.routing.hosts == ("pr-1.localhost",)
    assert [dict(entry.headers) for entry in ads.entries] == [
        {"culm-preview": "pr-1"},
        {"cookie": ("*culm-preview=pr-1", "*culm-preview=pr-1;*")},
    ]
    assert [dict(entry.headers) for entry in api.entries] == [
        {"culm-preview": "pr-1"},
        {"cookie": ("*culm-preview=pr-1",)},
        {"cookie": ("*culm-preview=pr-1;*",)},
    ], "a rule takes five values, and four of them are paths"


def test_with_a_domain_its_host_and_the_header_lead_to_it(shop: Project) -> None:
    made = preview(shop, "stg", "pr-1", ["ads"])
    assert made.services["pr-1--ads"].routing.hosts == ("pr-1.stg.example.com",)
    assert [dict(entry.headers) for entry in made.services["pr-1--ads"].entries] == [{"culm-preview": "pr-1"}]
    assert made.targets["stg"].domain == "pr-1.stg.example.com"


def test_a_worker_has_no_routes(shop: Project) -> None:
    assert preview(shop, "local", "pr-1", ["worker"]).services["pr-1--worker"].entries == ()


@pytest.mark.parametrize(
    "target, name, services, problem",
    [
        ("local", "PR-1", ["ads"], "cannot be a preview's name"),
        ("local", "pr--1", ["ads"], "cannot be a preview's name"),
        ("local", "a" * 21, ["ads"], "has 21 characters; a preview's name has at most 20"),
        ("local", "stg", ["ads"], "'stg' is target stg's own environment"),
        ("local", "local", ["ads"], "'local' is target local's own environment"),
        ("local", "preview", ["ads"], "is where the vault keeps what every preview gets"),
        ("local", "pr-1", [], "a preview of no service"),
        ("local", "pr-1", ["adds"], "culm.yml has no service 'adds'"),
        ("local", "pr-1", ["report"], "report is a job, and a preview has no jobs"),
        ("stg", "pr-1", ["api"], "on aws the stack makes cache"),
    ],
)
def test_what_cannot_be_a_preview_is_refused_by_name(
    shop: Project, target: str, name: str, services: list[str], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        preview(shop, target, name, services)


def test_a_target_group_s_name_that_is_too_long_is_refused_with_a_name_that_fits(shop: Project) -> None:
    long = replace(shop, name="a-shop-of-many-things")
    with pytest.raises(UsageError, match="and a target group has at most 32") as refused:
        preview(long, "local", "pr-4242", ["ads"])
    name = refused.value.hint.removeprefix("a shorter name: ")
    preview(long, "local", name, ["ads"])


def test_a_secret_of_the_shared_environment_is_refused_with_the_way_to_one_for_previews(
    tmp_path: Path,
) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "Dockerfile").write_text("FROM python\nEXPOSE 8000\n")
    secret = "{KEY: {from: '/stg/key', reason: its code reads it}}"
    (tmp_path / "culm.yml").write_text(f"name: shop\nservices:\n  api: {{secrets: {secret}}}\n")
    with pytest.raises(UsageError, match=re.escape("services.api.secrets.KEY comes from /stg/key")) as refused:
        preview(load(tmp_path / "culm.yml"), "local", "pr-1", ["api"])
    assert "culm vault put preview/api/key" in refused.value.hint


def test_a_priority_among_those_of_previews_is_refused(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "Dockerfile").write_text("FROM python\nEXPOSE 8000\n")
    (tmp_path / "culm.yml").write_text("name: shop\nservices:\n  api: {priority: 7}\n")
    with pytest.raises(UsageError, match="priority: 7 is among the numbers of previews' rules"):
        preview(load(tmp_path / "culm.yml"), "local", "pr-1", ["api"])


NAMES = st.from_regex(r"[a-z](-?[a-z0-9]){0,9}", fullmatch=True).filter(lambda name: not name.startswith("internal-"))


@settings(max_examples=examples(100), deadline=None)
@given(one=NAMES, other=NAMES, service=NAMES, another=NAMES)
def test_names_of_two_previews_never_meet(one: str, other: str, service: str, another: str) -> None:
    assert preview_of(own_name(one, service)) == one
    assert preview_of(service) is None
    if one != other:
        assert not own_name(one, service).startswith(own_name(other, ""))
        sql = f"shop_{own_name(one, service)}".replace("-", "_")
        assert not sql.startswith(f"shop_{own_name(other, '')}".replace("-", "_"))
    assert own_name(one, service) != another


@pytest.mark.parametrize("text, expected", [("90m", 5400), ("12h", 43200), ("2d", 172800), ("never", None)])
def test_a_life_is_read(text: str, expected: int | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "2", "0d", "2w", "-1d", "1.5h"])
def test_what_is_no_life_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        seconds(text)


def test_its_target_keeps_all_but_environment_port_and_domain(shop: Project) -> None:
    for name, target in shop.targets.items():
        made = preview(shop, name, "pr-1", ["ads"]).targets[name]
        expected: TargetSettings = replace(target, env="pr-1", port=None, domain=made.domain)
        assert made == expected

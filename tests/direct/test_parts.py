"""What a compose file says a service needs."""

from pathlib import Path

import pytest

from culm.direct import compose_images, composed, watch
from culm.direct.embedded import with_port
from culm.direct.parts import command_of, needs_of, part
from culm.direct.ports import of_conf
from culm.direct.run import instance_of
from culm.errors import CulmError, UsageError

BAMBOO = Path(__file__).parents[2] / "examples" / "bamboo"


def test_a_service_is_run_and_migrated_as_its_dockerfiles_say() -> None:
    accounts = part("accounts", BAMBOO / "accounts")
    assert accounts.command == ("python3", "-m", "accounts")
    assert accounts.migration == ("alembic", "upgrade", "head")
    assert accounts.health == "/accounts/health"
    assert of_conf(accounts.folder) == 8001


@pytest.mark.parametrize(
    ("written", "migration"),
    [
        ("{command: [flask, db, upgrade]}", ("flask", "db", "upgrade")),
        ("{entrypoint: [flask], command: [db, upgrade]}", ("flask", "db", "upgrade")),
        ("Dockerfile.tables", ("make", "tables")),
        ("false", None),
    ],
)
def test_a_service_is_migrated_as_culm_yml_says(
    tmp_path: Path, written: str, migration: tuple[str, ...] | None
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / "web" / "Dockerfile.tables").write_text('FROM base\nCMD ["make", "tables"]\n')
    (tmp_path / "culm.yml").write_text(f"name: shop\nservices:\n  web: {{migrate: {written}}}\n")
    assert part("web", tmp_path / "web").migration == migration


def test_neighbours_are_the_compose_files_other_folders_but_not_their_migrations() -> None:
    assert [each.name for each in needs_of(part("orders", BAMBOO / "orders")).neighbours] == ["catalog"]
    assert needs_of(part("accounts", BAMBOO / "accounts")).neighbours == ()


def write(folder: Path, compose: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text("FROM base\nCMD run me\n")
    (folder / "compose.yml").write_text(compose)
    return folder


def test_what_only_an_engine_can_run_is_named(tmp_path: Path) -> None:
    compose = """\
services:
  web: {build: .}
  db: {image: "docker.io/library/postgres:17"}
  gis: {image: "${GIS:-postgis/postgis:17}"}
  cache: {image: "redis:7"}
"""
    needed = needs_of(part("web", write(tmp_path / "web", compose)))
    assert (needed.neighbours, needed.lacking) == ((), ("cache (redis:7)",))


def test_a_neighbour_that_is_not_there_is_named_with_the_place_where_it_is_wanted(tmp_path: Path) -> None:
    compose = 'services: {web: {build: .}, shop: {build: {context: "${SHOP:-../shop}"}}}'
    with pytest.raises(CulmError, match=f"web needs shop, whose folder is not at {tmp_path}/shop"):
        needs_of(part("web", write(tmp_path / "web", compose)))


def test_a_dockerfile_that_starts_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 1\n")
    with pytest.raises(CulmError, match="has no CMD"):
        command_of(tmp_path / "Dockerfile")
    with pytest.raises(UsageError, match="cannot read"):
        command_of(tmp_path / "Dockerfile.nowhere")
    (tmp_path / "Dockerfile").write_text("FROM base\nCMD serve --all\n")
    assert command_of(tmp_path / "Dockerfile") == ("/bin/sh", "-c", "serve --all")


@pytest.mark.parametrize("text", ["port = 8001\n", "host: a\nport: 8001\n", '{\n  "port": 8001\n}'])
def test_the_port_is_read_from_whatever_the_configuration_is_written_in(tmp_path: Path, text: str) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "settings").write_text(text)
    assert of_conf(tmp_path) == 8001


def test_a_configuration_without_a_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="says where the service listens"):
        of_conf(tmp_path)


def test_changes_are_new_other_and_missing_files(tmp_path: Path) -> None:
    for name in ("kept.py", "other.py", "gone.py", "notes.md", "__pycache__/a.pyc", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    before = watch.look(tmp_path)
    assert watch.changed(before, watch.look(tmp_path)) == []
    (tmp_path / "other.py").write_text("22")
    (tmp_path / "new.py").write_text("1")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "notes.md").write_text("22")
    (tmp_path / "tests" / "test_a.py").write_text("22")
    changed = [Path(path).name for path in watch.changed(before, watch.look(tmp_path))]
    assert changed == ["gone.py", "new.py", "other.py"]


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("http://127.0.0.1:8002", "http://127.0.0.1:9"),
        ("http://127.0.0.1:8002/x:1", "http://127.0.0.1:9/x:1"),
        ("postgresql://u:p1@127.0.0.1:5401/d", "postgresql://u:p1@127.0.0.1:9/d"),
        ("http://[::1]:8002/", "http://[::1]:9/"),
    ],
)
def test_a_url_is_moved_to_another_port(url: str, moved: str) -> None:
    assert with_port(url, 9) == moved


def test_a_laptop_has_a_database_server_for_each_place_that_its_configurations_name() -> None:
    assert instance_of("accounts", "postgresql://u:p@127.0.0.1:5401/d") == "laptop-accounts-5401"


def test_compose_gets_a_free_port_for_each_that_it_lets_be_chosen() -> None:
    text = (BAMBOO / "orders" / "docker-compose.yml").read_text()
    chosen = composed.chosen_ports(text)
    assert set(chosen) == {"PORT", "DATABASE_PORT", "CATALOG_PORT"}
    assert len(set(chosen.values())) == 3
    assert composed.bases({"PORT": "1", "CATALOG_PORT": "2"}) == {
        "BASE_URL": "http://127.0.0.1:1",
        "CATALOG_URL": "http://127.0.0.1:2",
    }


def test_the_images_that_are_not_built_here_are_known_beforehand() -> None:
    assert compose_images.foreign(BAMBOO / "orders", {}) == ["postgres:17-alpine"]
    assert compose_images.foreign(BAMBOO / "orders", {"POSTGRES_IMAGE": "pg:1"}) == ["pg:1"]


def test_what_a_compose_file_builds_is_known_with_the_variable_that_names_its_image() -> None:
    orders, catalog = BAMBOO / "orders", BAMBOO / "catalog"
    built = compose_images.built(orders, {"BASE_IMAGE": "mine"})
    assert {each.variable: each.recipe.dockerfile for each in built} == {
        "IMAGE": orders / "Dockerfile",
        "MIGRATE_IMAGE": orders / "Dockerfile.migrate",
        "CATALOG_IMAGE": catalog / "Dockerfile",
        "CATALOG_MIGRATE_IMAGE": catalog / "Dockerfile.migrate",
    }
    assert [each.recipe.args for each in built] == [{"BASE_IMAGE": "mine"}] * 4


def test_an_image_that_the_environment_cannot_name_is_compose_s_own(tmp_path: Path) -> None:
    text = "services:\n  a: {build: ., image: a}\n  b: {build: {context: b, args: [X=1, 'Y=${Y:-2}']}}\n"
    built = compose_images.built(write(tmp_path, text), {})
    assert [each.variable for each in built] == [None, None]
    assert built[1].recipe.folder == tmp_path / "b"
    assert built[1].recipe.args == {"X": "1", "Y": "2"}


def test_neighbours_are_found_through_included_and_extended_files(tmp_path: Path) -> None:
    for name in ("web", "shop", "pets"):
        write(tmp_path / name, "services: {own: {build: .}}")
    (tmp_path / "web" / "compose.yml").write_text(
        "include: [../shop/compose.yml]\nservices: {p: {extends: {file: ../pets/compose.yml, service: own}}}\n"
    )
    assert sorted(each.name for each in needs_of(part("web", tmp_path / "web")).neighbours) == ["own", "p"]

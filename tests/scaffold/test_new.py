"""New service folders: whole, and the same as the examples where they have the same to say."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests import culm_command

from culm import __version__
from culm.errors import UsageError
from culm.lint.project import check
from culm.project.load import load
from culm.scaffold.new import bare, new, with_service
from culm.scaffold.template import rendered

BAMBOO = Path(__file__).parents[2] / "examples" / "bamboo"
PORTS = {
    "accounts": ("8001", "5401"),
    "catalog": ("8002", "5402"),
    "orders": ("8003", "5403"),
    "notices": ("8004", "5404"),
}
LAYOUT = [
    *("Dockerfile", "Dockerfile.migrate", "docker-compose.yml", "conf/database.url", "docker/conf/database.url"),
    *("docker/entrypoint.sh", "dkr-run.sh", "dkr-push.sh", ".github/workflows/test.yml", "README.md"),
]
SHARED = [
    *("Dockerfile", "Dockerfile.migrate", ".dockerignore", ".gitignore", "dkr-push.sh", "dkr-run.sh"),
    *("docker/entrypoint.sh", "docker/conf/database.url", "conf/database.url", ".github/workflows/test.yml"),
]
PYTHON = [
    *("alembic.ini", "pyproject.toml", "migrations/env.py", "migrations/script.py.mako"),
    *("tests/unit/test_http.py", "tests/unit/test_logs.py", "tests/unit/test_settings.py"),
    *(f"{{service}}/{name}.py" for name in ("database", "health", "http", "logs", "server")),
]
WITHOUT_NEIGHBOURS = [
    *("requirements.in", "requirements.txt", "requirements-dev.txt", "docker-compose.yml", "conf/settings.toml"),
    *("docker/conf/settings.toml", "tests/integration/conftest.py"),
    *(f"{{service}}/{name}.py" for name in ("__main__", "app", "settings")),
]
"""Of a service that calls no other: orders has a neighbour's URL in these."""


def names(service: str) -> dict[str, str]:
    port, database_port = PORTS.get(service, ("8001", "5401"))
    return {
        "service": service,
        "Service": service.capitalize(),
        "package": service,
        "project": "bamboo",
        "culm": f"git+https://github.com/culm-dev/culm@v{__version__}",
        "within": "",
        "prefix": "",
        "port": port,
        "database_port": database_port,
    }


@pytest.mark.parametrize("service", PORTS)
def test_the_examples_are_what_the_template_gives_plus_their_own_code(service: str) -> None:
    given = rendered("python", names(service))
    shared = SHARED + PYTHON + ([] if service == "orders" else WITHOUT_NEIGHBOURS)
    for path in (path.format(service=service) for path in shared):
        example = BAMBOO / service / path
        assert example.read_text() == given[path].text, f"{example} is not what the template gives"
        assert os.access(example, os.X_OK) == given[path].executable, path


@pytest.mark.parametrize("language", ["python", "go"])
def test_the_layout_is_that_of_every_service_folder(language: str) -> None:
    assert set(LAYOUT) <= set(rendered(language, names("pets")))


@pytest.mark.parametrize("language", ["python", "go"])
def test_no_placeholder_is_left(language: str) -> None:
    for path, file in rendered(language, names("pets")).items():
        for name in names("pets"):
            assert f"@{name}@" not in path + file.text, path


def test_a_new_service_is_whole_and_deployable(tmp_path: Path) -> None:
    new(tmp_path, "pets", "python")
    new(tmp_path, "shops", "python")
    project = load(tmp_path / "culm.yml")
    assert list(project.services) == ["pets", "shops"]
    assert {service.databases for service in project.services.values()} == {("main",)}
    assert all(service.migration and service.port == 8080 for service in project.services.values())
    assert "8002" in (tmp_path / "shops" / "conf" / "settings.toml").read_text(), "two run at once on a laptop"
    assert check(project) == [], "a template has no secrets"
    for path in (tmp_path / "pets").rglob("*.py"):
        ast.parse(path.read_text())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(("Pets", "lower-case"), ("1st", "a letter first"), ("", "a letter first"), ("a" * 40, "40 characters")),
        *(("class", "a keyword"), ("import", "a keyword"), ("async", "a keyword")),
        *(("email", "standard library"), ("json", "standard library"), ("http", "standard library")),
        *(
            ("alembic", "stands on"),
            ("starlette", "stands on"),
            ("tests", "every service has"),
            ("conf", "every service has"),
        ),
    ],
)
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"cannot be a service's name: .*{why}"):
        new(tmp_path, name, "python")
    assert list(tmp_path.iterdir()) == []


def test_a_keyword_of_another_language_is_a_name(tmp_path: Path) -> None:
    new(tmp_path, "email", "go")
    assert (tmp_path / "email" / "go.mod").is_file()


def test_hyphens_become_underscores_in_the_package(tmp_path: Path) -> None:
    new(tmp_path, "customer-notifications", "python")
    folder = tmp_path / "customer-notifications"
    assert (folder / "customer_notifications" / "__main__.py").is_file()
    assert 'CMD ["python3", "-m", "customer_notifications"]' in (folder / "Dockerfile").read_text()
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())
    project = load(tmp_path / "culm.yml")
    assert project.services["customer-notifications"].paths == ("/customer-notifications/*",)
    found = subprocess.run(
        [sys.executable, "-c", "import customer_notifications"], cwd=folder, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr


def test_a_name_that_is_too_long_beside_the_projects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text("name: a-project-of-ours\nservices:\n")
    with pytest.raises(UsageError, match="too long beside the project's name"):
        new(tmp_path, "customer-notifications", "python")
    assert [path.name for path in tmp_path.iterdir()] == ["culm.yml"]


@pytest.mark.parametrize("language", ["python", "go"])
def test_in_a_repository_the_workflow_is_at_its_root_with_the_services_folder(tmp_path: Path, language: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "backend").mkdir()
    new(tmp_path / "backend", "pets", language)
    assert not (tmp_path / "backend" / "pets" / ".github").exists()
    workflow = yaml.safe_load((tmp_path / ".github" / "workflows" / "pets.yml").read_text())
    assert workflow["defaults"] == {"run": {"working-directory": "backend/pets"}}
    assert workflow["jobs"]["test"]["steps"][-1]["with"]["path"] == "backend/pets/junit*.xml"
    with pytest.raises(UsageError, match=r"there is .*/pets\.yml already"):
        new(tmp_path, "pets", language)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        new(tmp_path, "pets", "python")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: a\nservices:\n  x: {}\n", "name: a\nservices:\n  x: {}\n  pets: {}\n"),
        (
            "databases:\n  main: {}\nservices: # all\n    x:\n      port: 1\n# end\n",
            "databases:\n  main: {}\nservices: # all\n    x:\n      port: 1\n    pets: {database: main}\n# end\n",
        ),
        ("name: a\nservices:\n", "name: a\nservices:\n  pets: {}\n"),
    ],
)
def test_culm_yml_gets_one_more_service_and_stays_as_it_was(before: str, after: str) -> None:
    assert with_service(before, "pets") == after


def test_a_manifest_without_a_block_of_services_is_left_to_its_owner() -> None:
    with pytest.raises(UsageError, match="no `services:` block"):
        with_service("name: a\nservices: {x: {}}\n", "pets")


def test_the_command_says_what_is_next(tmp_path: Path) -> None:
    done = culm_command.run(["new", "pets"], cwd=tmp_path)
    assert done.returncode == 0
    assert "next: culm up\n" in done.stderr
    assert "or: culm run pets" in done.stderr
    assert (tmp_path / "pets" / "Dockerfile").is_file()
    assert (tmp_path / "culm.yml").is_file()


@pytest.mark.parametrize(("template", "most"), [("flask", 14), ("node", 8)])
def test_a_small_service_has_few_files_and_no_entrypoint_and_is_deployable(
    tmp_path: Path, template: str, most: int
) -> None:
    written = new(tmp_path, "pets", template)
    assert len(written) - 1 <= most, "culm.yml is not the service's"
    assert not list(tmp_path.rglob("entrypoint.sh"))
    assert all(
        f"@{name}@" not in path.read_text()
        for path in tmp_path.rglob("*.*")
        if path.is_file()
        for name in names("pets")
    )
    project = load(tmp_path / "culm.yml")
    assert project.services["pets"].port == 8080
    assert project.services["pets"].health == "/pets/health"
    assert check(project) == []
    for path in (tmp_path / "pets").rglob("*.py"):
        ast.parse(path.read_text())


def test_a_folder_with_a_dockerfile_gets_its_line_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(UsageError, match="Dockerfile is not there"):
        bare(tmp_path, "shop")
    (tmp_path / "shop" / "Dockerfile").write_text('FROM x\nEXPOSE 80\nCMD ["x"]\n')
    bare(tmp_path, "shop")
    assert (load(tmp_path / "culm.yml").services["shop"].port, load(tmp_path / "culm.yml").databases) == (80, {})
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["Dockerfile"]
    with pytest.raises(UsageError, match="names shop already"):
        bare(tmp_path, "shop")


def test_a_path_is_no_name_and_the_hint_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a path") as caught:
        new(tmp_path, "services/pets", "flask")
    assert "culm new pets" in caught.value.hint

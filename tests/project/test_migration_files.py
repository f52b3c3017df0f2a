"""Which files tell whether a migration brings anything new."""

from pathlib import Path

import pytest

from culm.project.load import load
from culm.project.migration_files import fingerprint
from culm.project.project import Service

IMAGE = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nEXPOSE 8000\nCMD python app.py\n"
PYTHON = "FROM python:3.12\nCOPY . .\n"

TOOLS = {
    "alembic": (PYTHON + 'CMD ["alembic", "upgrade", "head"]\n', "db/versions/1.py"),
    "alembic in place": (PYTHON + "CMD alembic upgrade head\n", "migrations/versions/1.py"),
    "flask": (PYTHON + "CMD flask --app shop db upgrade\n", "migrations/versions/1.py"),
    "django": (PYTHON + 'CMD ["python", "manage.py", "migrate", "--noinput"]\n', "shop/orders/migrations/0001.py"),
    "a script": (PYTHON + 'ENTRYPOINT ["/app/bin/migrate.sh"]\n', "db/migrations/1.sql"),
    "dbmate": ('FROM amacneil/dbmate:2\nCOPY db /db\nCMD ["up"]\n', "db/migrations/1.sql"),
    "dbmate elsewhere": ("FROM amacneil/dbmate:2\nCOPY sql /sql\nCMD dbmate -d /app/sql/steps up\n", "sql/steps/1.sql"),
    "flyway": ('FROM flyway/flyway:11\nCOPY sql /flyway/sql\nCMD ["migrate"]\n', "sql/V1__a.sql"),
    "golang-migrate": (
        'FROM migrate/migrate:v4\nCOPY db /app/db\nCMD ["-path=/app/db/steps", "up"]\n',
        "db/steps/1.up.sql",
    ),
    "prisma": ("FROM node:22\nCOPY . .\nCMD npx prisma migrate deploy\n", "prisma/migrations/1/migration.sql"),
    "knex": ('FROM node:22\nCOPY . .\nCMD ["npx", "knex", "migrate:latest"]\n', "db/migrations/1.js"),
    "rails": ("FROM ruby:3\nCOPY . .\nCMD bin/rails db:migrate\n", "db/migrate/1_a.rb"),
}


def shop(folder: Path, migrate: str, migration: str, keys: str = "") -> Service:
    files = {
        "shop/Dockerfile": IMAGE,
        "shop/Dockerfile.migrate": migrate,
        "shop/app.py": "print(1)\n",
        "shop/bin/migrate.sh": "#!/bin/sh\nexec dbmate up\n",
        f"shop/{migration}": "create table a\n",
        "culm.yml": f"name: bamboo\nservices:\n  shop: {{{keys}}}\n",
    }
    if migration.startswith("db/versions"):
        files["shop/alembic.ini"] = "[alembic]\nscript_location = %(here)s/db\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return load(folder / "culm.yml").services["shop"]


@pytest.mark.parametrize(("migrate", "migration"), TOOLS.values(), ids=TOOLS)
def test_a_change_of_code_is_no_new_migration_and_one_of_the_tools_files_is(
    migrate: str, migration: str, tmp_path: Path
) -> None:
    service = shop(tmp_path, migrate, migration)
    before = fingerprint(service)
    assert before is not None
    (service.folder / "app.py").write_text("print(2)\n")
    assert fingerprint(service) == before
    (service.folder / migration).with_name("2_b.py").write_text("drop table a\n")
    assert fingerprint(service) != before


def test_what_only_the_migrations_image_copies_tells_where_no_tool_is_known(tmp_path: Path) -> None:
    service = shop(tmp_path, "FROM a\nCOPY app.py steps run ./\nCMD ./run\n", "steps/1.sql")
    (service.folder / "Dockerfile").write_text("FROM a\nCOPY app.py .\nEXPOSE 80\n")
    before = fingerprint(service)
    (service.folder / "app.py").write_text("print(2)\n")
    assert fingerprint(service) == before is not None
    (service.folder / "steps/2.sql").write_text("drop table a\n")
    assert fingerprint(service) != before


def test_nothing_is_known_of_a_migration_that_lies_in_the_code(tmp_path: Path) -> None:
    assert fingerprint(shop(tmp_path, "FROM a\nCOPY . .\nCMD python -m app.create_tables\n", "app/tables.py")) is None


def test_migrations_of_culm_yml_come_before_what_is_guessed(tmp_path: Path) -> None:
    service = shop(tmp_path, TOOLS["rails"][0], "db/migrate/1.rb", "migrations: [bin, '*.py']")
    before = fingerprint(service)
    (service.folder / "db/migrate/2.rb").write_text("drop")
    assert fingerprint(service) == before
    (service.folder / "app.py").write_text("print(2)\n")
    assert fingerprint(service) != before


@pytest.mark.parametrize("comment", ["# culm: {}", "-- culm: {}", "// culm:{}", " * culm: {} phase"])
def test_a_comment_marks_a_migration(comment: str, tmp_path: Path) -> None:
    """The three parts: all files, those without a mark, those marked contract."""
    service = shop(tmp_path, TOOLS["rails"][0], "db/migrate/1.rb")

    def parts() -> list[str]:
        return (fingerprint(service) or "").split(".")

    def differ(before: list[str], now: list[str]) -> list[bool]:
        return [old != new for old, new in zip(before, now, strict=True)]

    first = parts()
    (service.folder / "db/migrate/2.rb").write_text(f"{comment.format('expand')}\nadd\n")
    second = parts()
    assert differ(first, second) == [True, False, False]
    (service.folder / "db/migrate/3.rb").write_text(f"{comment.format('contract')}\ndrop\n")
    third = parts()
    assert differ(second, third) == [True, False, True]
    (service.folder / "db/migrate/4.rb").write_text("rename\n")
    assert differ(third, parts()) == [True, True, False]


def test_the_dockerfile_of_the_migration_counts_and_what_python_leaves_behind_does_not(tmp_path: Path) -> None:
    service = shop(tmp_path, TOOLS["alembic"][0], "db/versions/1.py")
    before = fingerprint(service)
    (service.folder / "db/versions/__pycache__").mkdir()
    (service.folder / "db/versions/__pycache__/1.cpython-312.pyc").write_bytes(b"0")
    assert fingerprint(service) == before
    assert service.migration is not None
    service.migration.write_text(TOOLS["alembic"][0] + "ENV A=1\n")
    assert fingerprint(service) != before


def test_a_command_in_the_services_image_counts_with_the_files_of_its_tool(tmp_path: Path) -> None:
    service = shop(tmp_path, PYTHON, "shop/orders/migrations/0001.py", "migrate: {command: python manage.py migrate}")
    before = fingerprint(service)
    assert before is not None
    (tmp_path / "shop/app.py").write_text("print(2)\n")
    assert fingerprint(service) == before
    other = shop(tmp_path, PYTHON, "shop/orders/migrations/0001.py", "migrate: {command: manage.py migrate shop}")
    assert fingerprint(other) not in (None, before)
    unknown = shop(tmp_path, PYTHON, "shop/orders/migrations/0001.py", "migrate: {command: ./up}")
    assert fingerprint(unknown) is None

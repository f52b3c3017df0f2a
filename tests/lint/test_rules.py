"""What is a secret by name and by value."""

import pytest

from culm.lint import images
from culm.lint.commands import leak
from culm.lint.findings import Setting
from culm.lint.rules import canonical, judge


def is_secret(name: str, value: str, **how: bool) -> bool:
    return judge(Setting(line=1, name=name, value=value), **how) is not None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "DB_PASSWORD",
            "PGPASSWORD",
            "dbPassword",
            "db-password",
            "spring.datasource.password",
            "MYSQL_PWD",
            "TOKEN_2",
        ),
        *("AUTH_TOKEN", "CLIENT_SECRET", "SECRET", "STRIPE_API_KEY", "apiKey", "AWS_SECRET_ACCESS_KEY", "PASSPHRASE"),
    ],
)
def test_these_names_have_secret_values(name: str) -> None:
    assert is_secret(name, "swordfish")
    assert not is_secret(name, ""), "nothing is no secret"
    assert not is_secret(name, "${FROM_OUTSIDE}"), "a reference is none"
    assert is_secret(name, "${FROM_OUTSIDE:-swordfish}"), "what it falls back on is"
    assert not is_secret(name, "/run/secrets/it"), "nor is a path to it"
    assert is_secret(name, "$FROM_OUTSIDE", references_are_values=True), "but in a Dockerfile it is filled in for good"


@pytest.mark.parametrize(
    "name", ["TOKEN_TTL", "PASSWORD_FILE", "SECRET_NAME", "GPG_KEY", "KEYBOARD", "PASSENGER", "BYPASS"]
)
def test_these_names_have_not(name: str) -> None:
    assert not is_secret(name, "swordfish")


def test_names_are_compared_in_one_form() -> None:
    assert {canonical(name) for name in ("dbPassword", "db-password", "db.password", "DB_PASSWORD")} == {"DB_PASSWORD"}


def test_an_image_is_read_by_its_environment_labels_and_history() -> None:
    config = {
        "Env": ["PATH=/bin", "DB_PASSWORD=swordfish", "GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305"],
        "Labels": {"a.token": "swordfish"},
    }
    history = ["|1 NPM_TOKEN=swordfish /bin/sh -c npm ci", "RUN curl -u AKIA" + "IOSFODNN7EXAMPLE x", "COPY a b"]
    found = images.check("web:1", config, history)
    assert {each.name for each in found} == {"DB_PASSWORD", "a.token", "NPM_TOKEN", "RUN"}
    assert {(each.file, each.line) for each in found} == {("web:1", 0)}
    assert images.check("web:1", config, history, excused={"DB_PASSWORD", "a.token", "NPM_TOKEN", "RUN"}) == []
    assert images.check("web:1", {"Env": None, "Labels": None}, []) == []


@pytest.mark.parametrize(
    "value",
    [
        *("Host=db;Password=${DB_PASSWORD}", "Host=db;Password=$DB_PASSWORD;Port=1", "Host=db;Password=$(DB_PASSWORD)"),
        *("Host=db;Password=%DB_PASSWORD%", "Host=db;Password={{ db_password }}", "Host=db;Password=#{DbPassword}#"),
        *(
            "Host=db;Password=${DB_PASSWORD:?set it}",
            'Host=db;Password="${DB_PASSWORD}"',
            "Host=db;Password={password}",
        ),
        *("Host=db;Password=<password>", "Host=db;Password=$${DB_PASSWORD}", "Host=db;Password=${{ secrets.DB }}"),
        *(
            '{"password": "${DB_PASSWORD}"}',
            "postgres://u:${PW}@db/x",
            "postgres://u:${PW:?set it}@db/x",
            "amqp://u:$PW@q",
        ),
        *("a?token=${TOKEN}&b=1", "redis://:${REDIS_PASSWORD}@redis:6379/0", "Password=${A}${B}"),
    ],
)
def test_a_reference_inside_a_value_is_no_secret(value: str) -> None:
    assert not is_secret("CONN", value)


@pytest.mark.parametrize(
    "value",
    [
        *("Host=db;Password=swordfish", "Host=db;Password=${DB_PASSWORD:-swordfish}", '{"password": "swordfish"}'),
        *("postgres://u:swordfish@db/x", "postgres://u:${PW:-swordfish}@db/x", "a?token=swordfish&b=${TOKEN}"),
    ],
)
def test_what_is_written_out_beside_references_is_one(value: str) -> None:
    assert is_secret("CONN", value)


@pytest.mark.parametrize(
    "value", ["Bearer ${TOKEN}", "${USER}:${PASSWORD}", "Basic $AUTH", "${{ secrets.TOKEN }}", "${A}-${B}"]
)
def test_several_references_are_one_too(value: str) -> None:
    assert not is_secret("AUTH_TOKEN", value)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "SECRET_KEY=dummyvalue manage.py collectstatic",
            "SECRET_KEY=build-key ./manage.py compress",
            "A_SECRET_KEY='.' x",
        ),
        *(
            'SECRET_KEY="dummyKeyWithMinimumLength-----" x',
            "DB_PASSWORD=placeholder npx prisma generate",
            "TOKEN=changeme x",
        ),
        f'expected="{"1153d3d50e0ac764" * 4}" && echo $expected | sha256sum -c',
    ],
)
def test_what_stands_in_while_an_image_is_built_is_no_secret(line: str) -> None:
    assert leak(line, building=True) is None
    assert leak("SECRET_KEY=swordfish x", building=True) is not None
    assert images.check("web:1", {}, [f"RUN {line}"]) == []


def test_a_stand_in_that_a_service_runs_with_is_a_secret() -> None:
    assert leak("serve --password changeme") is not None
    assert is_secret("DB_PASSWORD", "changeme")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:pass@localhost:5432/dummy"),
        ("DATABASE_URL", "postgresql://placeholder:placeholder@127.0.0.1:5432/placeholder"),
        ("GO_SHA256_AMD64", "1153d3d50e0ac764" * 4),
        ("USE_ID_TOKEN", "swordfish"),
        ("OPENROUTER_API_KEY", "your-openrouter-api-key-here"),
        ("GITHUB_TOKEN", "YOUR_GITHUB_TOKEN"),
        ("POSTGRES_PASSWORD", "secure-postgres-password-here"),
        ("DATABASE_URL", "postgresql://app:your_password@db.internal/shop"),
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_live_Y2xlcmsuYWNjb3VudHMuZGV2JA9Zx"),
    ],
)
def test_what_only_looks_like_a_secret_is_none(name: str, value: str) -> None:
    assert not is_secret(name, value)
    assert is_secret("DATABASE_URL", "postgresql://user:swordfish@localhost/x")
    assert is_secret("DATABASE_URL", "postgresql://user:pass@db.internal/x")
    assert is_secret("API_KEY", "your-key-7f3a9")
    assert is_secret("API_KEY", "yours-truly")

"""Variables that are made whose values are in the vault."""

import subprocess
from pathlib import Path

import pytest

from culm.deploy.secret_variables import WantedFile, check, compose, refusal, sources, value_of, vault_name
from culm.errors import CulmError, UsageError
from culm.project.load import parse
from culm.project.project import Project

URLS = {"main": "postgresql://shop_web:s%40fe@127.0.0.1:5433/shop_web"}
FILE = """name: shop
databases: {main: {engine: postgres}, other: {engine: postgres}}
services: {web: {image: web, port: 80, database: main, secrets: {DATABASE_URL: {from: "%s", reason: its code}}}}
"""


def project(source: str) -> Project:
    return parse(FILE % source, Path("culm.yml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{main.url}", URLS["main"]),
        ("{main.password}", "s@fe"),
        ("psql://{main.user}@{main.host}:{main.port}/{main.name}", "psql://shop_web@127.0.0.1:5433/shop_web"),
    ],
)
def test_a_text_is_filled_with_parts_of_the_url(text: str, value: str) -> None:
    assert compose(text, URLS) == value


@pytest.mark.parametrize(
    ("source", "problem"),
    [("{other.url}", "the service has no database 'other'"), ("{main.colour}", "a database's URL has no 'colour'")],
)
def test_what_no_url_has_is_refused_by_its_line(source: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as error:
        project(source)
    assert "culm.yml:3: services.web.secrets.DATABASE_URL.from" in str(error.value)


def test_a_secret_of_the_vault_is_a_parameter_of_the_deploy_and_names_its_file() -> None:
    text = """name: shop
services:
  web: {image: web, port: 80, secrets: {SECRET_KEY: {vault: secret-key}}}
  api: {image: api, port: 81, secrets: {SECRET_KEY: {vault: web/secret-key, reason: its image}}}
"""
    services = parse(text, Path("culm.yml")).services
    secrets = [services[name].container.secrets["SECRET_KEY"] for name in ("web", "api")]
    assert [(each.vault, each.composed) for each in secrets] == [("web/secret-key", True)] * 2
    assert [each.reason for each in secrets] == ["its code reads it from the environment", "its image"]


def test_secrets_that_the_vault_lacks_are_named_with_the_commands_that_put_them_there() -> None:
    missing = [
        WantedFile(name=vault_name("stg", f"web/{file}"), service=service, variable=variable)
        for file, service, variable in (
            ("secret-key", "web", "SECRET_KEY"),
            ("secret-key", "a", "SECRET_KEY"),
            ("stripe-key", "web", "STRIPE_SECRET_KEY"),
        )
    ]
    error = refusal(missing[1:], " --target stg", {})
    assert error.what == (
        "the vault lacks 2 secrets: stg/web/secret-key (SECRET_KEY of a), stg/web/stripe-key (STRIPE_SECRET_KEY of web)"
    )
    assert error.hint.splitlines() == [
        "openssl rand -hex 32 | culm vault put stg/web/secret-key --target stg",
        "     culm vault put stg/web/stripe-key --target stg   # then type the value, Enter and Ctrl-D",
    ]
    assert len(refusal(missing, "", {}).hint.splitlines()) == 2
    assert "(SECRET_KEY of web and a)" in refusal(missing, "", {}).what


def test_secrets_that_an_env_file_has_are_put_from_there_and_typed_ones_come_last(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("STRIPE_KEY=sk_test_1\nQUOTED='a'\nTWICE=1\nTWICE=2\nexport OTHER=3\n")
    assert sources(tmp_path / "other") == {}
    assert list(sources(file)) == ["STRIPE_KEY"]
    missing = [
        WantedFile(name=vault_name("local", f"web/{file}"), service="web", variable=variable)
        for file, variable in (("mail-password", "MAIL_PASSWORD"), ("stripe-key", "STRIPE_KEY"))
    ]
    stripe, mail = refusal(missing, "", sources(file)).hint.splitlines()
    command, _, put = stripe.partition(" | ")
    assert put == "culm vault put local/web/stripe-key"
    assert subprocess.run(command, shell=True, capture_output=True, text=True).stdout == "sk_test_1\n"
    assert mail.endswith("# then type the value, Enter and Ctrl-D")


def test_a_value_ends_before_the_end_of_the_line() -> None:
    assert value_of("a b \r\n") == "a b "
    assert value_of("\n") == ""


def test_a_secret_is_demanded_until_the_vault_has_a_value_that_fits() -> None:
    name = vault_name("local", "web/secret-key")
    wanted = [WantedFile(name=name, service="web", variable="SECRET_KEY")]
    for text, problem in (
        ("", r"the vault lacks a secret: local/web/secret-key \(SECRET_KEY of web\)"),
        ("\n", "the vault lacks a secret"),
        ("x" * 4097, "longer than the 4,096 bytes"),
    ):
        with pytest.raises(CulmError, match=problem):
            check(wanted, {name: text}, "")
    check(wanted, {name: "sealed\n"}, "")

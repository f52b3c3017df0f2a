"""Variables that are made from the URL of a service's database."""

from pathlib import Path

import pytest

from culm.deploy.secret_variables import compose
from culm.errors import UsageError
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

"""A corpus of files that leak and files that do not: misses and false alarms, counted.

`@@NAME@@` in it stands for a made-up key of a provider's format, put together here so that no file holds one.
"""

import re
from pathlib import Path

import pytest

from culm.lint import composes, dockerfiles, tasks
from culm.lint.findings import Finding

CORPUS = Path(__file__).parent / "corpus"
MADE_UP = {
    "AWS_ID": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS_SECRET": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "HEX": "8f14e45fceea167a" + "5a36dedd4bea2543",
    "BASE64": "q7Rk2mZp9LxW4vTn" + "B8cYh3Jd6fGs1QaE",
    "GITHUB": "ghp_" + "a1B2c3D4e5F6" * 3,
    "GITLAB": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "NPM": "npm_" + "a1B2c3D4e5F6" * 3,
    "STRIPE": "sk_live_" + "a1B2c3D4e5F6" * 2,
    "SLACK": "xoxb-" + "123456789012-1234567890123-" + "a1B2c3D4e5F6" * 2,
    "SENDGRID": "SG." + "a1B2c3D4e5F6g7H8i9J0kL" + "." + "a1B2c3D4e5F6g7H8i9J0" * 2 + "kLm",
    "TWILIO": "SK" + "8f14e45fceea167a" * 2,
    "GOOGLE": "AIza" + "a1B2c3D4e5F6g7H8i9J0" + "kLmNoPqRsTuVwXy",
    "SLACK_PATH": "T00000000/B00000000/" + "a1B2c3D4e5F6" * 2,
    "HUGGING": "hf_" + "a1B2c3D4e5F6" * 2 + "a1B2c3D4e5",
    "TELEGRAM": "123456789:" + "AA" + "a1B2c3D4e5F6" * 2 + "a1B2c3D4e",
    "AZURE": "a1B2c3D4e5F6" * 7 + "==",
    "JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJ3ZWIifQ." + "c2lnbmF0dXJlLWhlcmU",
}


def filled(path: Path) -> str:
    return re.sub(r"@@(\w+)@@", lambda match: MADE_UP[match[1]], path.read_text())


def found_in(folder: Path) -> list[Finding]:
    """As `lint.project` looks at each kind of file."""
    found: list[Finding] = []
    for path in sorted(folder.iterdir()):
        text = filled(path)
        if path.name.startswith("Dockerfile"):
            found += dockerfiles.check(path.name, text)
        elif path.suffix == ".json":
            found += tasks.check_file(path.name, text)
        elif path.suffix == ".env":
            found += composes.check_env_file(path.name, text)
        elif composes.is_for_staging(path.name, text):
            found += composes.check(path.name, text)
    return found


def test_no_leak_is_missed_and_each_is_found_at_its_line() -> None:
    expected = set((CORPUS / "leaking" / "expected.txt").read_text().splitlines())
    found = {f"{each.file}:{each.line} {each.name}" for each in found_in(CORPUS / "leaking")}
    assert (len(expected), expected - found, found - expected) == (70, set(), set())


def test_no_clean_file_raises_an_alarm() -> None:
    lines = sum(len(filled(path).splitlines()) for path in (CORPUS / "clean").iterdir())
    assert lines >= 150, "a corpus this small would show nothing"
    assert [str(each) for each in found_in(CORPUS / "clean")] == []


def test_no_finding_shows_the_secret() -> None:
    shown = "\n".join(map(str, found_in(CORPUS / "leaking")))
    assert not [secret for secret in (*MADE_UP.values(), "swordfish", "correct horse") if secret in shown]


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.yaml", "docker-compose.override.yml", "notes.yml"])
def test_a_laptops_compose_file_may_have_its_throw_away_password(name: str) -> None:
    assert not composes.is_for_staging(name, "services: {db: {environment: {POSTGRES_PASSWORD: postgres}}}")


@pytest.mark.parametrize("name", ["docker-compose.stg.yml", "compose.production.yaml", "docker-compose-prod.yml"])
def test_a_compose_file_for_staging_is_known_by_its_name(name: str) -> None:
    assert composes.is_for_staging(name, "services: {}")


def test_env_files_that_a_compose_file_names_are_found_in_each_spelling() -> None:
    text = "services: {a: {env_file: a.env}, b: {env_file: [b.env, {path: c.env}]}, c: {}}"
    assert composes.env_files(text) == ["a.env", "b.env", "c.env"]

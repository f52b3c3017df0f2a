"""Which files of the shared environment a preview gets."""

import pytest

from culm.deploy.given_images import parsed
from culm.deploy.previews import Remembered, secret_in
from culm.errors import UsageError
from culm.project.project import Project

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "file, text",
    [
        ("settings.toml", 'colour = "green"\nworkers = 4\n'),
        ("feature.json", '{"dark": true, "page": "/home"}'),
        ("nginx.conf", "server {\n  listen 8080;\n}\n"),
        ("endpoint.url", "https://api.example.com/v1\n"),
    ],
)
def test_settings_without_a_secret_are_a_preview_s_too(file: str, text: str) -> None:
    assert not secret_in(file, text)


@pytest.mark.parametrize(
    "file, text",
    [
        ("settings.toml", 'password = "hunter22"\n'),
        ("settings.yml", "database:\n  passwords: [abc, def]\n"),
        ("app.env", "STRIPE_KEY=sk_live_4eC39HqLyjWDarjtT1zdp7dc\n"),
        ("queue.url", "amqp://worker:hare12345@queue:5672\n"),
        ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"),
        ("api-token", "x\n"),
        ("value", "9fJk2LmQ8rTzX4bN7vCwE1yU\n"),
        ("settings.json", '{"smtp": {"password": "p1"}}'),
    ],
)
def test_what_holds_a_secret_is_kept_from_a_preview(file: str, text: str) -> None:
    assert secret_in(file, text)


@pytest.mark.parametrize("ends, now, over", [(None, 1e12, False), (100.0, 99.0, False), (100.0, 100.0, True)])
def test_a_preview_is_over_when_its_time_is(ends: float | None, now: float, over: bool) -> None:
    made = Remembered(name="pr-1", services=("web",), made=0.0, ends=ends, env="local", databases={})
    assert made.over(now) is over


def test_digests_name_their_service_or_are_of_the_repository_s(project: Project) -> None:
    assert parsed([f"web={DIGEST}", f"accounts-migrate={DIGEST}"], project) == {
        "web": DIGEST,
        "accounts-migrate": DIGEST,
    }
    assert parsed([f"127.0.0.1:5/bamboo/web@{DIGEST}"], project) == {"web": DIGEST}


@pytest.mark.parametrize(
    "word, problem",
    [
        (DIGEST, "of which service"),
        ("web=sha256:12", "is no image's digest"),
        ("latest", "is no image's digest"),
        (f"shop={DIGEST}", "culm.yml has no service 'shop'"),
    ],
)
def test_what_names_no_image_of_a_service_is_refused(project: Project, word: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parsed([word], project)

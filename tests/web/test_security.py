"""Who is let in, and what a foreign page, a foreign name or a stale form gets."""

from dataclasses import replace

import pytest

from culm.web import security
from culm.web.security import Door, Visit

DOOR = Door(hosts=security.hosts(security.OWN_NAMES, 4700), cookie="culm-4700", session="s" * 43, secret=b"k" * 32)
GET = Visit(
    method="GET", path="/", host="culm.localhost:4700", origin="", fetch_site="none", cookies={"culm-4700": "s" * 43}
)
POST = replace(GET, method="POST", path="/do", origin="http://culm.localhost:4700", fetch_site="same-origin")


def status(asked: Visit, door: Door = DOOR) -> int:
    refusal = security.judge(door, asked)
    return refusal.status if refusal else 200


def test_the_owners_browser_may_look_and_act():
    assert status(GET) == 200
    assert status(POST) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4700", "127.0.0.1:4701", "culm.localhost", "culm.localhost:4700.evil.example", ""],
)
def test_a_foreign_name_that_points_here_is_refused_whatever_it_brings(host):
    assert status(replace(GET, host=host)) == 421
    assert status(replace(POST, host=host)) == 421
    assert status(replace(GET, host=host, path="/static/culm.css")) == 421


@pytest.mark.parametrize("cookies", [{}, {"culm-4700": ""}, {"culm-4700": "s" * 42}, {"culm-4701": "s" * 43}])
def test_a_browser_without_the_session_sees_nothing(cookies):
    for path in ("/", "/snapshot.json", "/live", "/live-logs", "/metrics", "/logs", "/static/../"):
        if not path.startswith("/static/"):
            assert status(replace(GET, cookies=cookies, path=path)) == 403


def test_styles_and_scripts_need_no_session():
    assert status(replace(GET, cookies={}, path="/static/culm.css")) == 200


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:8080", "https://culm.localhost:4700"]
)
def test_a_foreign_page_cannot_act(origin):
    assert status(replace(POST, origin=origin)) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_the_browser_says_comes_from_elsewhere_cannot_act(site):
    assert status(replace(POST, fetch_site=site)) == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method):
    assert status(replace(POST, method=method)) == 405


def test_a_page_that_may_only_be_read_takes_no_action_from_anybody():
    assert status(POST, replace(DOOR, read_only=True)) == 405


def test_metrics_are_given_to_whoever_brings_the_session_as_a_bearer_and_nothing_else_is():
    scraper = replace(GET, cookies={}, bearer="s" * 43)
    assert status(replace(scraper, path="/metrics")) == 200
    assert status(scraper) == 403


def test_a_forms_token_is_of_its_session():
    token = security.form_token(DOOR)
    assert security.is_form_token(DOOR, token)
    assert not security.is_form_token(replace(DOOR, session="t" * 43), token)
    assert not security.is_form_token(DOOR, "")
    assert DOOR.session not in token


def test_the_policy_allows_nothing_but_the_pages_own_files():
    policy = dict(part.strip().split(" ", 1) for part in security.HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in str(policy)

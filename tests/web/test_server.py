"""The page's process over real sockets: tokens, names, forms, streams, and what it answers."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from tests.serving import served
from tests.web.conftest import Opened, opened

from culm.web import security
from culm.web.server import Pulse, Versions


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class Visitor:
    """A browser without a face: it keeps its cookie, and says the host and origin that a test wants it to."""

    def __init__(self, page: Opened) -> None:
        self.page = page
        self.cookie = ""

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=20)
        sent = {"Host": urlsplit(self.page.base).netloc, "Cookie": self.cookie, **headers}
        body = None
        if form is not None:
            body = urlencode(form)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())
        connection.close()
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def enter(self) -> Answer:
        parts = urlsplit(self.page.entrance)
        return self.ask("GET", f"{parts.path}?{parts.query}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project on an endpoint on which nothing is deployed yet."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "orders").mkdir()
    (folder / "orders" / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    with served(folder) as endpoint:
        (folder / "culm.yml").write_text(
            f"name: bamboo\ntargets: {{local: {{endpoint_url: '{endpoint}'}}}}\nservices: {{orders: }}\n"
        )
        yield folder


KEYS = {"AWS_ACCESS_KEY_ID": "culm", "AWS_SECRET_ACCESS_KEY": "culm", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def page(place: Path) -> Iterator[Opened]:
    with opened(place, KEYS) as made:
        yield made


@pytest.fixture(scope="module")
def owner(page: Opened) -> Visitor:
    """A browser that has been let in."""
    visitor = Visitor(page)
    assert visitor.enter().status == 303
    return visitor


def test_the_printed_address_lets_one_browser_in_and_is_worth_nothing_after(page, owner):
    assert owner.ask("GET", "/").status == 200
    assert Visitor(page).enter().status == 403


def test_the_address_forgets_its_token_and_the_cookie_is_the_browsers_alone(place):
    with opened(place, KEYS) as page:
        visitor = Visitor(page)
        answer = visitor.enter()
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "domain" not in cookie


def test_without_the_session_nothing_of_the_project_is_shown(page):
    answer = Visitor(page).ask("GET", "/")
    assert answer.status == 403
    assert "bamboo" not in answer.body


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "culm.localhost.evil.example"])
def test_a_name_that_was_pointed_at_this_machine_gets_nothing(owner, host):
    assert owner.ask("GET", "/", Host=host).status == 421


def test_every_answer_has_the_headers_that_keep_others_out(page, owner):
    for answer in (owner.ask("GET", "/"), Visitor(page).ask("GET", "/"), owner.ask("GET", "/static/culm.js")):
        for name, value in security.HEADERS.items():
            if name != "Cache-Control":
                assert answer.headers[name.lower()] == value


def test_a_foreign_page_can_start_nothing(page, owner):
    form = {"do": "restart orders", "token": "x" * 64}
    own = page.base
    assert owner.ask("POST", "/do", form, Origin="http://evil.example").status == 403
    assert owner.ask("POST", "/do", form).status == 403
    assert owner.ask("POST", "/do", form, Origin=own, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    wrong_token = owner.ask("POST", "/do", form, Origin=own, **{"Sec-Fetch-Site": "same-origin"})
    assert (wrong_token.status, "earlier page" in wrong_token.body) == (403, True)
    assert owner.ask("POST", "/routes/send", form, Origin=own).status == 403


def test_a_target_on_which_nothing_is_deployed_says_what_to_type(owner):
    body = owner.ask("GET", "/").body
    assert "Nothing is deployed here yet" in body and "culm up" in body


@pytest.mark.parametrize(
    "path", ["/tasks", "/events", "/logs", "/routes", "/migrations", "/images", "/vault", "/cost", "/logs?q=%7B%20x"]
)
def test_every_page_can_be_shown_before_there_is_anything(owner, path):
    answer = owner.ask("GET", path)
    assert answer.status == 200
    assert "cannot be shown" not in answer.body


def test_a_page_that_is_not_there_says_so(owner):
    assert owner.ask("GET", "/services/nobody").status == 404
    assert owner.ask("GET", "/static/../server.py").status == 404
    assert owner.ask("GET", "/static/vendor/idiomorph.LICENSE").status == 404


def test_programs_get_the_snapshot_and_metrics(owner):
    answer = owner.ask("GET", "/snapshot.json")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)["project"] == "bamboo"
    metrics = owner.ask("GET", "/metrics").body
    assert "# TYPE culm_up gauge\nculm_up 1\n" in metrics


def test_colours_are_kept_and_lead_back_to_the_page_but_nowhere_else(page, owner):
    session = owner.cookie
    answer = owner.ask("GET", "/theme?to=dark&back=/tasks")
    assert (answer.status, answer.headers["location"]) == (303, "/tasks")
    for back in ("//evil.example", "https://evil.example", "/\\evil.example"):
        owner.cookie = session
        assert owner.ask("GET", f"/theme?to=dark&back={back}").headers["location"] == "/"
    owner.cookie = f"{session}; culm-theme=dark"
    assert '<html lang="en" data-theme="dark">' in owner.ask("GET", "/").body


def test_a_shared_page_lets_several_browsers_in_and_none_of_them_act(place):
    with opened(place, KEYS, "--read-only", "--listen", "127.0.0.2") as page:
        assert page.base.startswith("http://127.0.0.2:")
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.2", page.port, timeout=20)
            connection.request("GET", "/?" + urlsplit(page.entrance).query, headers={"Host": f"127.0.0.2:{page.port}"})
            answer = connection.getresponse()
            assert answer.status == 303
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            connection.close()
        connection = http.client.HTTPConnection("127.0.0.2", page.port, timeout=20)
        headers = {"Host": f"127.0.0.2:{page.port}", "Cookie": cookie, "Origin": page.base}
        connection.request("POST", "/do", "do=restart+orders", headers)
        assert connection.getresponse().status == 405
        connection.close()


def test_the_stream_sends_the_page_and_ends_with_the_process(place):
    with opened(place, KEYS) as page:
        visitor = Visitor(page)
        visitor.enter()
        connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
        connection.request(
            "GET", "/live?at=%2F", headers={"Host": urlsplit(page.base).netloc, "Cookie": visitor.cookie}
        )
        response = connection.getresponse()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.readline() == b"event: page\n"
        assert response.readline().startswith(b"data: ")
    assert response.read() is not None  # it ended, and the process with it
    connection.close()


def test_a_page_that_rests_for_long_ends_with_the_process():
    async def rests() -> bool:
        pulse = Pulse()
        resting = asyncio.create_task(pulse.rest(3600))
        await asyncio.sleep(0)
        assert not resting.done()
        pulse.end()
        await asyncio.wait_for(resting, 10)
        return pulse.over

    assert asyncio.run(rests())


def test_a_newer_version_of_a_page_is_made_once_for_all_who_look_at_it():
    made: list[int] = []

    def render() -> str:
        made.append(len(made))
        return f"version {len(made)}"

    async def looks() -> list[str]:
        versions = Versions()
        together = await asyncio.gather(*(versions.newest(("/", ""), 1, render) for _ in range(10)))
        later = await versions.newest(("/", ""), 2, render)
        return [each.text for each in (*together, later)]

    assert asyncio.run(looks()) == ["version 1"] * 10 + ["version 2"]


def test_the_plans_sliders_take_any_address_and_answer_it(page, owner):
    for query, expected in (
        ("load=3&type=t3.small&count=2", "2 x t3.small"),
        ("load=x&type=no.such&count=-4", "1 x t2.micro"),
        ("load=nan&count=1e9", "20 x t2.micro"),
    ):
        assert expected in owner.ask("GET", f"/plan?{query}").body

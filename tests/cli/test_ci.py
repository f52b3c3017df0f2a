"""`culm ci` as people and GitHub's jobs type it."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from culm.cli import culm
from culm.cli.agreement import demand_name
from culm.cli.env import Which
from culm.deploy.previews import Remembered
from culm.errors import CulmError, UsageError
from culm.project.load import load

MANIFEST = "name: bamboo\ntargets: {{{targets}}}\nservices: {{web: }}\n"
STG = "stg: {provider: aws, region: eu-west-1}"
ACCOUNT = ("--account", "123456789012")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    write(tmp_path, STG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, targets: str) -> None:
    (folder / "culm.yml").write_text(MANIFEST.format(targets=targets))


def ci(*words: str) -> Result:
    return CliRunner().invoke(culm, ["ci", *words])


def refused(*words: str) -> CulmError:
    error = ci(*words).exception
    assert isinstance(error, CulmError), error
    return error


def test_the_workflow_is_written_where_github_looks(folder: Path) -> None:
    done = ci("github", *ACCOUNT)
    assert (done.exit_code, done.stderr) == (
        0,
        "wrote .github/workflows/culm.yml\n"
        "say `github: owner/name` at target stg, so that the base stack makes its roles\n",
    )
    text = (folder / ".github" / "workflows" / "culm.yml").read_text()
    assert "arn:aws:iam::123456789012:role/bamboo.deploy" in text
    assert "aws-region: eu-west-1" in text


def test_what_the_target_says_need_not_be_said_again(folder: Path) -> None:
    write(folder, "stg: {provider: aws, name: acme, account: '210987654321', github: team/shop}")
    assert ci("github").stderr == "wrote .github/workflows/culm.yml\n"
    assert "arn:aws:iam::210987654321:role/acme.plan" in (folder / ".github" / "workflows" / "culm.yml").read_text()


def test_a_workflow_that_is_there_is_kept(folder: Path) -> None:
    ci("github", *ACCOUNT)
    assert refused("github", *ACCOUNT).hint == "culm ci github --force writes over it"
    assert ci("github", *ACCOUNT, "--force", "--branch", "trunk").exit_code == 0
    assert 'branches: ["trunk"]' in (folder / ".github" / "workflows" / "culm.yml").read_text()


@pytest.mark.parametrize(
    ("targets", "words", "what"),
    [
        ("", [], "culm.yml has none"),
        (f"{STG}, prd: {{provider: aws}}", [], "culm.yml has 2 aws targets: which one?"),
        (STG, ["--target", "local"], "target local is local: it has no stack"),
        (STG, ["--account", "12"], "this cannot be: --account '12'"),
        (STG, ["--branch", 'a"b'], "this cannot be: --branch 'a\"b'"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, targets: str, words: list[str], what: str) -> None:
    write(folder, targets)
    error = refused("github", *(words if "--account" in words else [*words, *ACCOUNT]))
    assert isinstance(error, UsageError)
    assert error.what == what
    assert not (folder / ".github").exists()


# Comments, on a GitHub that keeps them in memory and gives two a page.


class GitHub(BaseHTTPRequestHandler):
    comments: dict[int, str]
    states: dict[int, str]
    """Of pull requests, by number."""
    token: str
    asked: list[str]

    def do_GET(self) -> None:
        if "/pulls/" in self.path:
            state = self.states.get(int(self.path.rpartition("/")[2]))
            self.answer({"state": state}, missing=state is None)
            return
        page = int(self.path.rpartition("page=")[2])
        everything = [self.described(number) for number in sorted(self.comments)]
        self.answer(everything[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        number = max(self.comments, default=0) + 1
        self.comments[number] = self.body()
        self.answer(self.described(number))

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.comments[number] = self.body()
        self.answer(self.described(number))

    def body(self) -> str:
        self.asked.append(f"{self.command} {self.path}")
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def described(self, number: int) -> dict[str, Any]:
        host, port = self.server.server_address[:2]
        url = f"http://{host!s}:{port}/repos/team/shop/issues/comments/{number}"
        return {"url": url, "html_url": f"https://github.test/{number}", "body": self.comments[number]}

    def answer(self, what: Any, *, missing: bool = False) -> None:
        status = 404 if missing else 200
        if self.headers["Authorization"] != f"Bearer {self.token}":
            status = 403
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(what).encode())

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def github(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[GitHub]]:
    class Mine(GitHub):
        comments = {}  # noqa: RUF012
        states = {}  # noqa: RUF012
        token = "t"
        asked = []  # noqa: RUF012

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(folder / "event.json"))
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GITHUB_REPOSITORY", "team/shop")
        monkeypatch.setenv("GITHUB_TOKEN", "t")
        yield Mine
        server.shutdown()
        thread.join()


def test_a_second_plan_takes_the_place_of_the_first(folder: Path, github: type[GitHub]) -> None:
    github.comments.update({number: f"talk {number}" for number in range(1, 102)})
    plan = folder / "plan.md"
    plan.write_text("<!-- culm plan of bamboo on stg -->\nfirst")
    done = ci("comment", "plan.md")
    assert (done.exit_code, done.stderr) == (0, "https://github.test/102\n")
    plan.write_text("<!-- culm plan of bamboo on stg -->\nsecond")
    assert ci("comment", "plan.md").exit_code == 0
    assert github.comments[102].endswith("second")
    assert len(github.comments) == 102
    assert github.asked == [
        "POST /repos/team/shop/issues/7/comments",
        "PATCH /repos/team/shop/issues/comments/102",
    ]
    plan.write_text("<!-- culm plan of bamboo on prd -->\nanother target's")
    ci("comment", "plan.md")
    assert len(github.comments) == 103


def test_a_token_that_may_not_is_told_which_permission_it_lacks(
    folder: Path, github: type[GitHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    assert refused("comment", "culm.yml").hint == "does the job have `permissions: {pull-requests: write}`?"


def test_outside_of_a_pull_request_there_is_nothing_to_comment_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    assert "this is no job of a pull request on GitHub" in refused("comment", "culm.yml").what


def test_previews_go_whose_pull_request_is_closed_or_gone(
    github: type[GitHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    github.states.update({1: "open", 2: "closed"})
    closed = Which(names=(), expired=False, closed=True, pull_request=None)
    assert [number for number in ("1", "2", "3", "") if closed.takes(remembered(number))] == ["2", "3"]
    over = Which(names=(), expired=True, closed=False, pull_request="2")
    assert [number for number in ("1", "2", "3", "") if over.takes(remembered(number))] == ["2"]
    assert over.takes(remembered("1", ends=1.0))
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    with pytest.raises(CulmError, match="with status 403"):
        closed.takes(remembered("1"))
    monkeypatch.delenv("GITHUB_TOKEN")
    with pytest.raises(UsageError, match="--closed asks GitHub, and there is no 'GITHUB_TOKEN'"):
        closed.takes(remembered("1"))


def remembered(number: str, ends: float | None = None) -> Remembered:
    return Remembered(
        name=f"pr-{number}", services=(), made=0.0, ends=ends, env="stg", databases={}, pull_request=number
    )


JUNIT = """\
<testsuites>
  <testsuite name="accounts" time="1.26">
    <testcase name="adds"/>
    <testcase name="asks &lt;twice&gt;"><failure message="short">E  assert 1 == 2</failure></testcase>
    <testcase name="waits"><skipped/></testcase>
  </testsuite>
  <testsuite name="web | shop"><testcase name="starts"><error message="no image"/></testcase></testsuite>
</testsuites>
"""


def test_results_are_a_table_and_what_failures_said(folder: Path) -> None:
    (folder / "results.xml").write_text(JUNIT)
    assert ci("summary", "results.xml").output == (
        """\
### Tests

| suite | passed | failed | skipped | seconds |
|---|--:|--:|--:|--:|
| accounts | 1 | 1 | 1 | 1.3 |
| web \\| shop | 0 | 1 | 0 | 0.0 |

<details><summary>asks &lt;twice></summary>

````text
E  assert 1 == 2
````

</details>

<details><summary>starts</summary>

````text
no image
````

</details>
"""
    )


def test_an_environment_is_named_with_what_has_to_be_set_at_it(folder: Path) -> None:
    write(folder, "prd: {provider: aws, account: '210987654321', github: team/shop, environment: production}")
    assert (
        "environment production of the repository: set its reviewers, and main as the only branch"
        in ci("github").stderr
    )
    assert 'environment: "production"' in (folder / ".github" / "workflows" / "culm.yml").read_text()


def test_a_target_with_previews_gets_a_workflow_that_opens_comments_closes_and_sweeps(folder: Path) -> None:
    write(folder, "stg: {provider: aws, account: '210987654321', github: team/shop, previews: true}")
    assert ci("github").stderr == ("wrote .github/workflows/culm.yml\nwrote .github/workflows/culm-previews.yml\n")
    text = (folder / ".github" / "workflows" / "culm-previews.yml").read_text()
    assert not re.search(r"@[a-z_]+@", text)
    written = yaml.safe_load(text)
    assert written[True]["pull_request"]["types"] == ["opened", "synchronize", "reopened", "closed"]
    preview, ends = written["jobs"]["preview"], written["jobs"]["ends"]
    steps = [step for job in (preview, ends) for step in job["steps"]]
    roles = [step["with"]["role-to-assume"] for step in steps if "aws" in step.get("uses", "")]
    assert roles == ["arn:aws:iam::210987654321:role/bamboo.preview"] * 2
    lines = [line.strip() for step in steps for line in re.sub('[$"]', "", step.get("run", "")).splitlines()]
    typed = [line.split(" > ")[0] for line in lines if line.startswith("culm ")]
    assert typed == [
        "culm env up pr-NUMBER --pull-request NUMBER --target stg --yes --markdown",
        "culm env down --pull-request NUMBER --target stg --yes --markdown",
        "culm ci comment preview.md",
        "culm env down --expired --closed --target stg --yes",
    ]
    for line in typed:
        _, group, name, *words = line.split()
        context = culm.make_context("culm", [group, name, "--help"], resilient_parsing=True)
        command = culm.get_command(context, group).get_command(context, name)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
    assert preview["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}


def test_gitlabs_pipeline_is_written_at_the_root_of_its_repository(folder: Path) -> None:
    write(folder, "prd: {provider: aws, account: '210987654321', gitlab: team/shop, protect: true}")
    assert ci("gitlab").stderr == (
        "wrote .gitlab-ci.yml\nenvironment prd of the project: protect it, so that only some may deploy\n"
    )
    text = (folder / ".gitlab-ci.yml").read_text()
    assert "arn:aws:iam::210987654321:role/bamboo.deploy" in text
    assert refused("gitlab").hint == "culm ci gitlab --force writes over it"
    write(folder, STG)
    done = ci("gitlab", *ACCOUNT, "--force")
    assert done.stderr.endswith("say `gitlab: group/name` at target stg, so that the base stack makes its roles\n")
    assert "when: manual" not in (folder / ".gitlab-ci.yml").read_text()
    assert refused("gitlab", "--branch", 'a"b').what == "this cannot be: --branch 'a\"b'"


@pytest.mark.parametrize(
    "words",
    [
        *(["down"], ["down", "web"], ["down", "--volumes"], ["rollback", "web"], ["rollback", "web", "1"]),
        *(["scale", "web", "0"], ["restart", "web"], ["migrate"]),
    ],
    ids=" ".join,
)
def test_a_protected_target_is_left_alone_where_nobody_can_give_its_name(folder: Path, words: list[str]) -> None:
    write(folder, "prd: {provider: aws, protect: true}")
    error = CliRunner().invoke(culm, [*words, "--target", "prd"]).exception
    assert isinstance(error, UsageError) and "stdin is not a terminal" in error.what


def test_a_protected_targets_name_is_asked_for(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    write(folder, "prd: {provider: aws, protect: true}")
    settings = load(folder / "culm.yml").targets["prd"]
    monkeypatch.setattr("culm.cli.agreement.demand_terminal", lambda: None)

    @click.command()
    @click.option("--yes", is_flag=True)
    def deploy(yes: bool) -> None:
        demand_name(settings, "deploy this", yes=yes)
        click.echo("deployed")

    def answered(text: str, *words: str) -> tuple[int, bool]:
        done = CliRunner().invoke(deploy, list(words), input=text)
        return done.exit_code, "deployed" in done.output

    assert answered("prd\n") == (0, True)
    assert answered("stg\n") == (1, False)
    assert answered("y\n") == (1, False)
    assert answered("", "--yes") == (0, True)

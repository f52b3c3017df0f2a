"""What becomes of the commands of a RUN line on a host."""

from pathlib import Path
from typing import NoReturn

import pytest
from tests.deploy.build.test_stages import BareHost

from culm.deploy.build.context import ImageFile, made
from culm.deploy.build.hosted import Job, Result
from culm.deploy.build.run import RunLine, carry_out
from culm.deploy.build.stage import BuildStage
from culm.errors import CulmError

HOME = "/root"
FILES = {
    "/app/requirements.txt": made(b"flask\n-r more/base.txt\n"),
    "/app/more/base.txt": made(b"-c ../pins.txt\nuvicorn\n"),
    "/app/pins.txt": made(b""),
    "/app/pyproject.toml": made(b""),
    "/app/Pipfile": made(b""),
    "/app/a.txt": made(b"a\n"),
    "/app/run.sh": made(b'#!/bin/sh\nexec "$@"\n'),
}


def a_stage(base: str = "python:3.12") -> BuildStage:
    stage = BuildStage(base=base, workdir="/app")
    stage.add({"/app": ImageFile(kind="folder"), **FILES})
    stage.layers.clear()
    return stage


def fail(line: int, problem: str, hint: str) -> NoReturn:
    raise CulmError(f"{line}: {problem}", hint)


def run(text: str, stage: BuildStage | None = None, host: BareHost | None = None) -> BuildStage:
    stage = stage or a_stage()
    line = RunLine(stage=stage, line=1, text=f"RUN {text}", file="Dockerfile", host=host or BareHost(), fail=fail)
    carry_out(line, text)
    return stage


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("pip install -r requirements.txt", "/usr/local", "environment"),
        ("pip3.12 --no-cache-dir install flask", "/usr/local", "environment"),
        ("python -m venv /opt/venv && /opt/venv/bin/pip install flask", "/opt/venv", "environment"),
        ("virtualenv -p python3 /v && /v/bin/python -m pip install flask", "/v", "environment"),
        ("python -m venv .v && . .v/bin/activate && pip install flask", "/app/.v", "environment"),
        ("uv venv && uv pip install flask", "/app/.venv", "environment"),
        ("uv venv /v && VIRTUAL_ENV=/v uv pip install flask", "/v", "environment"),
        ("uv venv /v && uv pip install --python /v/bin/python flask", "/v", "environment"),
        ("uv pip install --system flask", "/usr/local", "environment"),
        ("uv sync --frozen", "/app/.venv", "environment"),
        ("cd more && pip install --user flask", f"{HOME}/.local", "prefix"),
        ("pip install --prefix=/install flask", "/install", "prefix"),
        ("pip install --root /stage flask", "/stage/usr/local", "prefix"),
        ("pip install -t libs flask", "/app/libs", "target"),
        ("pip install poetry==1.8.3 && poetry config virtualenvs.create false && poetry install", "/usr/local", None),
        ("poetry install --no-root", "/app/.venv", "environment"),
        ("pipenv install --system --deploy", "/usr/local", "environment"),
        ("pipenv sync", "/app/.venv", "environment"),
        ("pdm install --prod", "/app/.venv", "environment"),
        ("pipx install httpie", f"{HOME}/.local/share/tools/httpie", "environment"),
        ("curl -s https://install.python-poetry.org | python3 -", f"{HOME}/.local/share/pypoetry/venv", "environment"),
        ('python setup.py install', "/usr/local", "environment"),
    ],
)  # fmt: skip
def test_installs_go_where_the_installer_puts_them(text: str, path: str, part: str | None) -> None:
    stage = run(text)
    place = stage.places[-1]
    assert (place.path, place.part if part else None) == (path, part)
    assert place.contents.steps
    assert (stage.left, stage.lost) == ([], [])


def test_an_install_as_a_user_who_may_not_write_goes_to_the_users_own_folder() -> None:
    stage = a_stage()
    stage.settings["User"] = "app:app"
    assert run("pip install flask", stage).places[0].path == "/home/app/.local"


def test_requirement_files_bring_those_that_they_name() -> None:
    [place] = run("pip install -r requirements.txt").places
    assert sorted(place.contents.inputs) == ["/app/more/base.txt", "/app/pins.txt", "/app/requirements.txt"]


def test_installing_from_a_folder_of_wheels_is_installing_what_they_were_made_from() -> None:
    [place] = run("pip wheel -w /wheels -r requirements.txt && pip install /wheels/*.whl gunicorn").places
    assert [step.argv for step in place.contents.steps] == [
        ("pip", "install", "-r", "requirements.txt"),
        ("pip", "install", "gunicorn"),
    ]


def test_poetry_is_run_in_the_version_that_the_dockerfile_installs() -> None:
    [*_, place] = run("pip install 'poetry==1.8.3' && poetry install --only main").places
    assert place.contents.steps[-1].tool == ("poetry==1.8.3",)


@pytest.mark.parametrize(
    "text",
    [
        "apt-get install -y curl",
        "useradd app",
        "rm -f /etc/apt/x && apk add git",
        "go version",
        "chown -R app /app",
        "sed -i s/a/b/ /etc/apt/sources.list",
        "ln -s /usr/share/zoneinfo/UTC /etc/localtime",
        "groupmod -g 5 x",
    ],
)
def test_what_concerns_the_base_image_is_left_out_with_a_note(text: str) -> None:
    stage = run(text)
    assert (len(stage.left), stage.builds, stage.lost) == (1, [], [])
    assert stage.layers == []


@pytest.mark.parametrize(
    "text", ["set -eux", "pip cache purge", "echo done", "pip --version", "python -m compileall ."]
)
def test_what_leaves_nothing_behind_needs_no_note(text: str) -> None:
    stage = run(text)
    assert (stage.left, stage.lost, stage.layers) == ([], [], [])


@pytest.mark.parametrize(
    "text",
    [
        "go install ./...",
        "make",
        "npm ci",
        "cargo build --release",
        "curl -o /usr/bin/x https://example.org/x",
        "curl -L https://example.org/x | tar xz",
        "dotnet publish",
        "mvn package",
        "bundle install",
        "bun install",
    ],
)
def test_what_makes_something_is_remembered(text: str) -> None:
    stage = run(text)
    assert stage.builds and stage.lost


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("cp a.txt b.txt", {"/app/b.txt": "a\n"}),
        ("cp a.txt more/", {"/app/more/a.txt": "a\n"}),
        ("cp -r more other", {"/app/other/base.txt": "-c ../pins.txt\nuvicorn\n"}),
        ("cp -r more/. /x", {"/x/base.txt": "-c ../pins.txt\nuvicorn\n"}),
        ("cp *.txt /x/", {"/x/a.txt": "a\n", "/x/pins.txt": ""}),
        ("mv a.txt b.txt", {"/app/b.txt": "a\n", "/app/a.txt": None}),
        ("mv more less", {"/app/less/base.txt": "-c ../pins.txt\nuvicorn\n", "/app/more/base.txt": None}),
        ("rm a.txt", {"/app/a.txt": None}),
        ("rm -rf more *.toml", {"/app/more": None, "/app/more/base.txt": None, "/app/pyproject.toml": None}),
        ("echo hello > a.txt", {"/app/a.txt": "hello\n"}),
        ("echo -n b >> a.txt", {"/app/a.txt": "a\nb"}),
        ("printf '%s=%s\\n' a 1 b 2 > x", {"/app/x": "a=1\nb=2\n"}),
        ("echo hello | tee x", {"/app/x": "hello\n"}),
        ("cat a.txt a.txt > x", {"/app/x": "a\na\n"}),
        ("cd more && echo x > y", {"/app/more/y": "x\n"}),
        ("(cd more && echo x > y) && echo z > y", {"/app/more/y": "x\n", "/app/y": "z\n"}),
        ("touch x", {"/app/x": ""}),
        ("ln a.txt b.txt", {"/app/b.txt": "a\n"}),
        ("install -m 644 a.txt /x.txt", {"/x.txt": "a\n"}),
        ("if [ -f a.txt ]; then mv a.txt b.txt; fi", {"/app/b.txt": "a\n"}),
    ],
)
def test_files_are_changed_as_the_command_says(text: str, changed: dict[str, str | None]) -> None:
    stage = run(text)
    for path, content in changed.items():
        assert (stage.tree[path].data().decode() if path in stage.tree else None) == content
    assert (stage.left, stage.lost) == ([], [])


@pytest.mark.parametrize(
    ("text", "mode"), [("chmod 600 a.txt", 0o600), ("chmod +x a.txt", 0o755), ("chmod -R go-r,u+x .", 0o700)]
)
def test_modes_are_changed_as_the_command_says(text: str, mode: int) -> None:
    assert run(text).tree["/app/a.txt"].mode == mode


def test_a_loop_goes_over_the_files_that_its_pattern_means() -> None:
    [place] = run("for f in *.txt; do pip install -r $f; done").places
    assert [step.argv[-1] for step in place.contents.steps] == ["a.txt", "pins.txt", "requirements.txt"]


def test_links_and_folders_are_made() -> None:
    stage = run("ln -sf /app/a.txt /l && mkdir -p /data/{in,out} x && install -d /y")
    assert stage.tree["/l"].link == "/app/a.txt"
    assert all(stage.is_folder(path) for path in ("/data/in", "/data/out", "/app/x", "/y"))


@pytest.mark.parametrize("text", ["cp nowhere x", "mv app.js x", "sed -i s/a/$(x)/ a.txt", "./run.sh", "sh run.sh"])
def test_what_it_cannot_do_to_the_images_files_is_remembered(text: str) -> None:
    assert run(text).lost


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("npm ci --omit=dev", ("npm", "ci", "--omit=dev")),
        ("npm install -g serve npm", ("npm", "install", "--global", "--prefix", "/usr/local", "serve")),
        ("corepack enable && pnpm install", ("pnpm", "install")),
        ("npx tsc", ("npx", "tsc")),
        ("yarn", ("yarn",)),
    ],
)
def test_nodes_commands_are_done_by_this_machines_node(text: str, argv: tuple[str, ...]) -> None:
    host = BareHost(programs_there=frozenset({"node", "npm", "npx"}))
    stage = run(text, host=host)
    assert host.jobs[-1].argv == argv
    assert (host.jobs[-1].folder, stage.lost) == ("/app", [])
    assert len(stage.compiled) == 1


def test_a_package_manager_that_is_not_there_is_installed_into_the_image_first() -> None:
    host = BareHost(programs_there=frozenset({"node", "npm"}))
    stage = a_stage("node:22")
    stage.tree["/app/package.json"] = made(b'{"packageManager": "pnpm@9.1.0+sha512.abc"}')
    run("corepack enable && pnpm install --frozen-lockfile", stage, host)
    assert host.jobs[0].argv == ("npm", "install", "--global", "--prefix", "/usr/local", "pnpm@9.1.0")


def test_python_programs_run_with_the_prefixes_that_they_need() -> None:
    host = BareHost(made={"/app/static/x": made(b"")})
    stage = run("pip install django && python manage.py collectstatic --noinput", host=host)
    [job] = host.jobs
    assert [place.path for place in job.places] == ["/usr/local"]
    assert "/app/static/x" in stage.tree


def test_a_program_of_a_prefix_is_told_from_others_by_its_name() -> None:
    host = BareHost(in_prefixes=frozenset({"django-admin"}))
    stage = run("pip install django && django-admin compilemessages && groupmod -g 5 x", host=host)
    assert [job.argv[0] for job in host.jobs] == ["django-admin"]
    assert len(stage.left) == 1


def test_the_programs_of_the_exec_form_are_the_same(tmp_path: Path) -> None:
    stage = a_stage()
    line = RunLine(stage=stage, line=1, text="RUN", file="Dockerfile", host=BareHost(), fail=fail)
    carry_out(line, ["/bin/bash", "-c", "pip install flask && echo x > y"])
    carry_out(line, ["pip", "install", "a;b"])
    assert [step.argv for step in stage.places[0].contents.steps] == [
        ("pip", "install", "flask"),
        ("pip", "install", "a;b"),
    ]
    assert "/app/y" in stage.tree


INSTALL = b"""#!/usr/bin/env bash
set -o errexit
# Ensure we always have a valid up to date lock file.
if ! test -f uv.lock || ! uv lock --check 2>/dev/null; then
  uv lock
fi
uv sync --frozen --no-install-project
"""


@pytest.mark.parametrize("text", ["chmod 0755 bin/* && bin/install", "sh ./bin/install", "/app/bin/install"])
def test_a_script_of_the_image_that_lists_commands_is_followed_like_the_line(text: str) -> None:
    stage = a_stage()
    stage.add({"/app/bin": ImageFile(kind="folder"), "/app/bin/install": made(INSTALL, 0o755)})

    run(text, stage)

    assert [(place.path, place.part) for place in stage.places] == [("/app/.venv", "environment")]


@pytest.mark.parametrize("script", [b'#!/bin/sh\npip install "$@"\n', b"#!/bin/sh\nf() { pip install x; }\nf\n"])
def test_a_script_with_arguments_or_functions_is_not_followed(script: bytes) -> None:
    stage = a_stage()
    stage.add({"/app/install.sh": made(script, 0o755)})

    run("./install.sh", stage)

    assert [lost.left.text for lost in stage.lost] == ["RUN ./install.sh"]


def test_where_a_script_goes_is_its_own_affair() -> None:
    stage = a_stage()
    stage.add({"/app/go.sh": made(b"cd more\nsh ./go.sh\n", 0o755), "/app/more/go.sh": made(b"cd /\n", 0o755)})

    run("sh ./go.sh && pip install -t libs flask", stage)

    assert [place.path for place in stage.places] == ["/app/libs"]


class FailingHost(BareHost):
    """A machine where `npm ci` fails."""

    def run(self, job: Job) -> Result:
        if job.argv[:2] == ("npm", "ci"):
            raise CulmError("npm ci needs a lock file", "")
        return super().run(job)


def test_npm_install_makes_up_for_npm_ci_that_fails() -> None:
    host = FailingHost(programs_there=frozenset({"npm"}))
    run("npm ci --omit=dev || npm install --omit=dev", host=host)
    assert [job.argv for job in host.jobs] == [("npm", "install", "--omit=dev")]
    with pytest.raises(CulmError, match="lock file"):
        run("npm ci || exit 1", host=host)

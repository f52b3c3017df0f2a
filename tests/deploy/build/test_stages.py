"""Images built without an engine: what goes in, what is left out, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from culm.deploy.build import context, stages
from culm.deploy.build.context import File
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.plan import VENVS_LABEL, Plan
from culm.errors import CulmError
from culm.project.dockerfile import parse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in (
        "app/main.py",
        "app/static/a.css",
        "docker/entrypoint.sh",
        "requirements.txt",
        "pyproject.toml",
        "uv.lock",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "docker/entrypoint.sh").chmod(0o755)
    return tmp_path


def plan(folder: Path, text: str, **args: str) -> Plan:
    return stages.plan(
        "Dockerfile",
        parse(text),
        context.read(folder, folder / "Dockerfile"),
        args,
        lambda program: program == "/bin/sh",
    )


def files(made: Plan) -> list[str]:
    return sorted(path for layer in made.layers for path, file in layer.items() if file.kind != "folder")


def venvs(made: Plan) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made.config["Labels"][VENVS_LABEL])
    return found


def test_settings_become_the_images_configuration(folder: Path) -> None:
    made = plan(
        folder,
        """\
ARG TAG=3.12
FROM python:${TAG}-slim
ARG PORT=8080
ENV PORT=$PORT GREETING="hello world" PATH=/opt/bin:$PATH
LABEL team=bamboo
WORKDIR /srv
WORKDIR app
EXPOSE ${PORT} 53/udp
VOLUME /data
USER 1000:1000
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=1m30s --retries=2 CMD curl -f http://127.0.0.1/
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
""",
    )
    assert made.config == {
        "Env": [
            "PORT=8080",
            "GREETING=hello world",
            "PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ],
        "Labels": {"team": "bamboo"},
        "WorkingDir": "/srv/app",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Volumes": {"/data": {}},
        "User": "1000:1000",
        "StopSignal": "SIGINT",
        "Healthcheck": {
            "Test": ["CMD-SHELL", "curl -f http://127.0.0.1/"],
            "Interval": 5 * 10**9,
            "Timeout": 90 * 10**9,
            "Retries": 2,
        },
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "true"],
    }


def test_a_build_argument_of_the_caller_wins_over_its_default(folder: Path) -> None:
    assert plan(folder, "FROM base\nARG A=1\nENV A=$A\n", A="2").config["Env"] == ["A=2"]


def test_an_argument_from_before_from_must_be_named_again(folder: Path) -> None:
    text = "ARG A=1\nARG B=2\nFROM base\nARG A\nENV A=$A B=$B\n"
    assert plan(folder, text).config["Env"] == ["A=1", "B="]


def test_the_shell_form_runs_in_a_shell(folder: Path) -> None:
    assert plan(folder, "FROM base\nCMD exec sh\n").config["Cmd"] == ["/bin/sh", "-c", "exec sh"]


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("COPY requirements.txt .", ["/srv/requirements.txt"]),
        ("COPY requirements.txt /opt/r.txt", ["/opt/r.txt"]),
        ("COPY requirements.txt /usr/local/bin", ["/usr/local/bin/requirements.txt"]),
        ("COPY app .", ["/srv/main.py", "/srv/static/a.css"]),
        ("COPY app/ code/", ["/srv/code/main.py", "/srv/code/static/a.css"]),
        ("COPY app/*.py uv.* /x/", ["/x/main.py", "/x/uv.lock"]),
        ('COPY ["requirements.txt", "uv.lock", "/x/"]', ["/x/requirements.txt", "/x/uv.lock"]),
        ("ADD --chown=app:app docker/entrypoint.sh /", ["/entrypoint.sh"]),
        (
            "COPY . /",
            [
                "/app/main.py",
                "/app/static/a.css",
                "/docker/entrypoint.sh",
                "/pyproject.toml",
                "/requirements.txt",
                "/uv.lock",
            ],
        ),
    ],
)
def test_copies_land_where_docker_puts_them(folder: Path, copy: str, expected: list[str]) -> None:
    assert files(plan(folder, f"FROM base\nWORKDIR /srv\n{copy}\n")) == expected


def test_modes_are_kept_and_can_be_changed(folder: Path) -> None:
    made = plan(
        folder,
        "FROM base\nCOPY docker/entrypoint.sh /a\nCOPY requirements.txt /b\nRUN chmod +x /b\n"
        "COPY --chmod=600 requirements.txt /c\nRUN mkdir -p /data/x && chmod 700 /data/x\n",
    )
    merged = {path: file.mode for layer in made.layers for path, file in layer.items()}
    assert (merged["/a"], merged["/b"] & 0o111, merged["/c"], merged["/data/x"]) == (0o755, 0o111, 0o600, 0o700)


def test_a_virtual_environment_is_described_by_its_steps_and_what_they_read(folder: Path) -> None:
    text = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN apt-get update && python3 -m venv /opt/venv \\
 && /opt/venv/bin/pip install --no-cache-dir -r requirements.txt
ENV PATH=/opt/venv/bin:$PATH
RUN pip install flask
COPY app app
CMD ["python", "-m", "app"]
"""
    made = plan(folder, text)
    [venv] = venvs(made)
    assert venv["steps"] == [
        ["/opt/venv/bin/pip", "install", "--no-cache-dir", "-r", "requirements.txt"],
        ["pip", "install", "flask"],
    ]
    assert (venv["path"], venv["python"], venv["cwd"]) == ("/opt/venv", "3.12", "/app")
    assert list(venv["inputs"]) == ["app/requirements.txt"]
    assert [left.line for left in made.left] == [4]


def test_equal_inputs_share_an_environment_and_others_do_not(folder: Path) -> None:
    text = "FROM base\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\nCOPY app /app\n"
    [first] = venvs(plan(folder, text))
    (folder / "app/main.py").write_text("changed")
    [code] = venvs(plan(folder, text))
    (folder / "requirements.txt").write_text("changed")
    [dependencies] = venvs(plan(folder, text))
    assert first["path"] == "/usr/local"
    assert (first["key"] == code["key"], first["key"] == dependencies["key"]) == (True, False)


def test_uv_sync_reads_the_lock_and_the_project_unless_told_not_to(folder: Path) -> None:
    text = """\
FROM python:3.12
COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/
WORKDIR /app
RUN --mount=type=cache,target=/tmp/cache --mount=type=bind,source=uv.lock,target=uv.lock \\
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml uv sync --frozen --no-install-project
COPY app app
CMD ["/app/.venv/bin/python", "-m", "app"]
"""
    made = plan(folder, text)
    [venv] = venvs(made)
    assert (venv["path"], list(venv["inputs"])) == ("/app/.venv", ["app/pyproject.toml", "app/uv.lock"])
    assert "/app/uv.lock" in files(made)
    whole = plan(folder, text.replace(" --no-install-project", "\nCOPY app app\nRUN uv sync --frozen"))
    assert "app/app/main.py" in venvs(whole)[0]["inputs"]


def test_an_environment_moves_between_stages_with_what_it_reads(folder: Path) -> None:
    text = """\
FROM python:3.12 AS build
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /opt/venv && . /opt/venv/bin/activate && pip install -r requirements.txt
COPY app /made
FROM python:3.12-slim
COPY --from=build /opt/venv /venv
COPY --from=0 /made /app
CMD ["/venv/bin/python", "/app/main.py"]
"""
    made = plan(folder, text)
    [venv] = venvs(made)
    assert (venv["path"], len(venv["steps"])) == ("/venv", 1)
    assert files(made) == ["/app/main.py", "/app/static/a.css", "/build/requirements.txt"]


def test_a_stage_begins_as_the_one_that_it_comes_from(folder: Path) -> None:
    made = plan(folder, "FROM base AS a\nENV A=1\nCOPY uv.lock /x\nFROM a\nENV B=2\n")
    assert (made.config["Env"], files(made)) == (["A=1", "B=2"], ["/x"])


def test_a_stage_that_nobody_needs_is_not_gone_through(folder: Path) -> None:
    assert files(plan(folder, "FROM base AS test\nCOPY nowhere /\nFROM base\nCOPY uv.lock /x\n")) == ["/x"]


def test_what_is_left_out_is_listed_once_with_its_line(folder: Path) -> None:
    made = plan(folder, "FROM base\nRUN apt-get update && apt-get install -y curl && rm -rf /x\nRUN set -eux\nCMD sh\n")
    assert [(left.line, left.text.split(" &&")[0]) for left in made.left] == [(2, "RUN apt-get update")]


def test_go_is_compiled_where_there_is_a_compiler_and_that_is_told(folder: Path) -> None:
    seen: list[GoBuild] = []
    program = File(kind="file", mode=0o755, source=folder / "app/main.py", digest="d")

    def compile(build: GoBuild) -> File:
        seen.append(build)
        return program

    text = (
        "FROM golang AS build\nWORKDIR /src\nENV GOFLAGS=-mod=mod\nCOPY app/main.py main.go\n"
        "RUN go mod download && CGO_ENABLED=0 go build -trimpath -o /out/server .\n"
        'FROM scratch\nCOPY --from=build /out/server /\nENTRYPOINT ["/server"]\n'
    )
    made = stages.plan(
        "Dockerfile", parse(text), context.read(folder, folder / "Dockerfile"), {}, lambda program: False, compile
    )
    assert [(layer["/server"]) for layer in made.layers] == [program]
    assert [(one.line, one.text[:20]) for one in made.compiled] == [(5, "RUN go mod download ")]
    [build] = seen
    assert (build.argv, build.folder, build.output) == (
        ("go", "build", "-trimpath", "-o", "/out/server", "."),
        "/src",
        "/out/server",
    )
    assert build.environment == {"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    assert "/src/main.go" in build.tree


def test_without_a_compiler_its_line_is_named_with_two_ways_out(folder: Path) -> None:
    with pytest.raises(CulmError) as refusal:
        plan(folder, REFUSALS["a compiled program"][0])
    assert refusal.value.hint.startswith("install Go, to compile it here; or start a container engine")


REFUSALS = {
    "a compiled program": (
        "FROM golang AS build\nCOPY . .\nRUN go build -o /server .\nFROM scratch\nCOPY --from=build /server /server\n"
        'ENTRYPOINT ["/server"]\n',
        "Dockerfile:3: RUN go build -o /server .: needs a container engine; line 5 copies /server from it",
    ),
    "a program on the path": (
        'FROM golang\nCOPY . .\nRUN go build -o /usr/local/bin/server .\nCMD ["server"]\n',
        "Dockerfile:3: RUN go build -o /usr/local/bin/server .: needs a container engine; line 4 runs server",
    ),
    "node modules": (
        'FROM node:22\nCOPY . .\nRUN npm ci\nCMD ["node", "app.js"]\n',
        "Dockerfile:3: RUN npm ci: needs a container engine; line 4 runs node",
    ),
    "a downloaded entrypoint": (
        'FROM base\nRUN curl -o /tini https://example.org/tini\nRUN apt-get install x\nENTRYPOINT ["/tini"]\n',
        "Dockerfile:2: RUN curl -o /tini https://example.org/tini: needs a container engine; line 4 runs /tini",
    ),
    "a package's program": (
        'FROM base\nRUN apt-get install -y nginx\nCMD ["/usr/sbin/nginx-of-ours"]\n',
        "Dockerfile:2: RUN apt-get install -y nginx: needs a container engine; line 3 runs /usr/sbin/nginx-of-ours",
    ),
    "a program that nobody makes": (
        'FROM base\nCMD ["/srv/server"]\n',
        "Dockerfile:2: runs /srv/server, which the image does not hold",
    ),
    "a file that is not there": ("FROM base\nCOPY nowhere /\n", "Dockerfile:2: COPY names nowhere, which is not in"),
    "an archive": ("FROM base\nADD app.tar.gz /\n", "Dockerfile:2: ADD app.tar.gz needs a container engine"),
    "a download": ("FROM base\nADD https://example.org/x /\n", "Dockerfile:2: ADD https://example.org/x needs"),
    "a here-document": ("FROM base\nCOPY <<EOF /x\na\nEOF\n", "Dockerfile:2: COPY of a here-document needs"),
    "no source": ("FROM base\nCOPY /x\n", "Dockerfile:2: COPY names no source"),
}


@pytest.mark.parametrize(("text", "what"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_the_service_cannot_do_without_is_refused_with_its_line(folder: Path, text: str, what: str) -> None:
    with pytest.raises(CulmError) as refusal:
        plan(folder, text)
    assert refusal.value.what.startswith(what)


def test_a_build_beside_a_python_service_is_only_left_out(folder: Path) -> None:
    made = plan(folder, 'FROM base\nRUN pip install flask\nRUN npm ci\nCMD ["flask", "run"]\n')
    assert [left.text for left in made.left] == ["RUN npm ci"]


def test_an_entrypoint_of_the_folder_may_start_anything_of_the_environment(folder: Path) -> None:
    text = """\
FROM base
COPY docker/entrypoint.sh /e
RUN pip install x
ENTRYPOINT ["/e"]
CMD ["gunicorn", "app"]
"""
    assert plan(folder, text).left == ()

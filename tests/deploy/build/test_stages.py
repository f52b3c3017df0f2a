"""Images built without an engine: what goes in, what is left out, what is refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from culm.deploy.build import context, stages
from culm.deploy.build.context import ImageFile
from culm.deploy.build.context import made as made_file
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.hosted import Job, Result
from culm.deploy.build.plan import Contents, ImagePlan
from culm.errors import CulmError
from culm.prefixes import label
from culm.prefixes.label import Prefix
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
    (tmp_path / "docker/wait.sh").write_text("#!/bin/sh\nuntil nc -z db 5432; do sleep 1; done\nnc -z db 1\nexec sh\n")
    return tmp_path


def no_compiler(build: GoBuild) -> ImageFile | None:
    return None


@dataclass
class BareHost:
    """A machine with a shell, and what a test gives it."""

    programs_there: frozenset[str] = frozenset({"/bin/sh", "sh"})
    compile: Callable[[GoBuild], ImageFile | None] = no_compiler
    jobs: list[Job] = field(default_factory=list)
    made: dict[str, ImageFile] = field(default_factory=dict)
    """What each of its jobs leaves."""
    in_prefixes: frozenset[str] | None = None

    def has(self, program: str) -> bool:
        return program in self.programs_there

    def run(self, job: Job) -> Result:
        self.jobs.append(job)
        return Result(changed=self.made)

    def programs(self, contents: Contents) -> frozenset[str] | None:
        return self.in_prefixes


def plan(folder: Path, text: str, host: BareHost | None = None, **args: str) -> ImagePlan:
    read = context.read(folder, folder / "Dockerfile")
    return stages.plan("Dockerfile", parse(text), read, args, host or BareHost())


def files(made: ImagePlan) -> list[str]:
    """What the layers leave, less the inputs of prefixes."""
    tree: dict[str, ImageFile] = {}
    for layer in made.layers:
        tree |= layer
    return sorted(p for p, f in tree.items() if f.kind in ("file", "link") and not p.startswith("/.culm/"))


def prefixes(made: ImagePlan) -> list[Prefix]:
    """Those that anything is installed into."""
    return [prefix for prefix in label.read(made.config["Labels"]).prefixes if prefix.steps]


def placements(made: ImagePlan) -> list[tuple[str, str]]:
    """Paths and parts of the same."""
    filled = {prefix.key for prefix in prefixes(made)}
    return [(p.path, p.part) for p in label.read(made.config["Labels"]).placements if p.key in filled]


def inputs(made: ImagePlan, prefix: Prefix) -> list[str]:
    return sorted(p.removeprefix(prefix.inputs) for layer in made.layers for p in layer if p.startswith("/.culm/"))


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
            "LANG=C.UTF-8",
            "PYTHON_VERSION=3.12",
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


@pytest.mark.parametrize(
    ("base", "known"),
    [
        ("python:3.11-slim", True),
        ("python:3.9", True),
        ("python", True),
        ("docker.io/library/python:3.12-alpine", True),
        ("public.ecr.aws/docker/library/python:2.7", True),
        ("ruby:3.3", True),
        ("python:3.13-slim", False),
        ("acme/python:3.11", False),
        ("debian:bookworm", False),
        ("node:22", False),
    ],
)
def test_official_images_that_set_a_language_of_utf_8_do_so_on_the_host(folder: Path, base: str, known: bool) -> None:
    assert ("LANG=C.UTF-8" in plan(folder, f"FROM {base}\n").config.get("Env", [])) is known


@pytest.mark.parametrize(
    ("base", "variable"),
    [
        ("python:3.14.5-slim-trixie", "PYTHON_VERSION=3.14.5"),
        ("node:22-alpine", "NODE_VERSION=22"),
        ("docker.io/library/ruby:3.3", "RUBY_VERSION=3.3"),
        ("python:slim", None),
        ("acme/python:3.11", None),
    ],
)
def test_official_images_say_their_version_as_exactly_as_their_tag(
    folder: Path, base: str, variable: str | None
) -> None:
    variables = plan(folder, f"FROM {base}\n").config.get("Env", [])
    assert [each for each in variables if "_VERSION" in each] == ([variable] if variable else [])


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
        ("COPY uv.lock pnpm-lock.yaml* /x/", ["/x/uv.lock"]),
        ("COPY app/*.py uv.* /x/", ["/x/main.py", "/x/uv.lock"]),
        ('COPY ["requirements.txt", "uv.lock", "/x/"]', ["/x/requirements.txt", "/x/uv.lock"]),
        ("ADD --chown=app:app docker/entrypoint.sh /", ["/entrypoint.sh"]),
        (
            "COPY . /",
            [
                "/app/main.py",
                "/app/static/a.css",
                "/docker/entrypoint.sh",
                "/docker/wait.sh",
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
    [prefix] = prefixes(made)
    assert [(step.argv, step.cwd, step.where) for step in prefix.steps] == [
        (("pip", "install", "--no-cache-dir", "-r", "requirements.txt"), "/app", "Dockerfile:4"),
        (("pip", "install", "flask"), "/app", "Dockerfile:7"),
    ]
    assert (placements(made), prefix.python) == ([("/opt/venv", "environment")], "3.12")
    assert inputs(made, prefix) == ["/app/requirements.txt"]
    assert [left.line for left in made.left] == [4]


def test_equal_inputs_share_an_environment_and_others_do_not(folder: Path) -> None:
    text = "FROM base\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\nCOPY app /app\n"
    [first] = prefixes(plan(folder, text))
    (folder / "app/main.py").write_text("changed")
    [code] = prefixes(plan(folder, text))
    (folder / "requirements.txt").write_text("changed")
    [dependencies] = prefixes(plan(folder, text))
    assert placements(plan(folder, text)) == [("/usr/local", "environment")]
    assert (first.key == code.key, first.key == dependencies.key) == (True, False)


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
    [prefix] = prefixes(made)
    assert placements(made) == [("/app/.venv", "environment")]
    assert inputs(made, prefix) == ["/app/pyproject.toml", "/app/uv.lock"]
    assert files(made) == ["/app/app/main.py", "/app/app/static/a.css"], "what a mount shows is no part of the image"
    whole = plan(folder, text.replace(" --no-install-project", "\nCOPY . .\nRUN uv sync --frozen"))
    assert "/app/app/main.py" in inputs(whole, prefixes(whole)[0])


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
    [prefix] = prefixes(made)
    assert (placements(made), len(prefix.steps)) == ([("/venv", "environment")], 1)
    assert inputs(made, prefix) == ["/build/requirements.txt"]
    assert files(made) == ["/app/main.py", "/app/static/a.css"]


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
    program = ImageFile(kind="file", mode=0o755, source=folder / "app/main.py", digest="d")

    def compile(build: GoBuild) -> ImageFile:
        seen.append(build)
        return program

    text = (
        "FROM golang AS build\nWORKDIR /src\nENV GOFLAGS=-mod=mod\nCOPY app/main.py main.go\n"
        "RUN go mod download && CGO_ENABLED=0 go build -trimpath -o /out/server .\n"
        'FROM scratch\nCOPY --from=build /out/server /\nENTRYPOINT ["/server"]\n'
    )
    made = plan(folder, text, BareHost(compile=compile))
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
        'FROM base\nRUN curl -o /serve https://example.org/serve\nRUN apt-get install x\nENTRYPOINT ["/serve"]\n',
        "Dockerfile:2: RUN curl -o /serve https://example.org/serve: needs a container engine; line 4 runs /serve",
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
    "assets that Node would make beside a Python service": (
        'FROM base\nWORKDIR /app\nRUN pip install flask\nRUN npm run build\nCMD ["flask", "run"]\n',
        "Dockerfile:4: RUN npm run build: needs a container engine, and the service may need what it makes",
    ),
    "what a builder stage could not make, copied with its folder": (
        "FROM node AS b\nWORKDIR /app\nCOPY . .\nRUN npm run build\nFROM base\nCOPY --from=b /app /app\nCMD sh\n",
        "Dockerfile:4: RUN npm run build: needs a container engine; line 6 copies /app from it",
    ),
    "a file that RUN would make with what only running it could tell": (
        "FROM base\nWORKDIR /app\nCOPY . .\nRUN grep x requirements.txt | sort > found.txt\nCMD sh\n",
        "Dockerfile:4: RUN grep x requirements.txt | sort: needs a container engine, and the service may need",
    ),
    "a script of the folder, run by RUN": (
        "FROM base\nWORKDIR /srv\nCOPY . .\nRUN ./docker/entrypoint.sh --prepare\nCMD sh\n",
        "Dockerfile:4: RUN ./docker/entrypoint.sh --prepare: needs a container engine, and the service may need",
    ),
    "a script that nothing put there": (
        'FROM base\nWORKDIR /srv\nCOPY app .\nCMD ["python", "server.py"]\n',
        "Dockerfile:4: runs server.py, which the image does not hold",
    ),
    "a script in another folder than the command looks in": (
        'FROM base\nWORKDIR /srv\nCOPY app .\nWORKDIR /\nCMD ["python", "main.py"]\n',
        "Dockerfile:5: runs main.py, which the image does not hold in /: it has /srv/main.py",
    ),
    "a program that no package brings": (
        'FROM python:3.12\nCOPY . .\nCMD ["gunicorn", "app:app"]\n',
        "Dockerfile:3: runs gunicorn, which the image does not hold",
    ),
    "requirements that nothing put there": (
        "FROM python:3.12\nRUN pip install -r dev.txt\nCMD sh\n",
        "Dockerfile:2: RUN pip install -r dev.txt: it reads dev.txt, which nothing put into the image",
    ),
    "conda": (
        "FROM continuumio/miniconda3\nCOPY . .\nRUN conda env create -f environment.yml\nCMD sh\n",
        "Dockerfile:3: RUN conda env create -f environment.yml: conda's environments need a container engine",
    ),
    "the distribution's Python packages": (
        'FROM debian\nRUN apt-get update && apt-get install -y python3-flask\nCOPY app .\nCMD ["python3", "main.py"]\n',
        "Dockerfile:2: RUN apt-get install -y python3-flask: needs a container engine",
    ),
    "requirements known only by running something": (
        "FROM python:3.12\nCOPY . .\nRUN pip install $(grep -v x requirements.txt)\nCMD sh\n",
        "Dockerfile:3: RUN pip install $(grep -v x requirements.txt): what it installs only running it could tell",
    ),
    "poetry without a project": (
        "FROM python:3.12\nRUN pip install poetry && poetry install\nCMD sh\n",
        "Dockerfile:2: RUN poetry install: there is no pyproject.toml in / of the image",
    ),
    "one package out of a prefix": (
        "FROM python:3.12 AS b\nRUN pip install x\nFROM python:3.12\n"
        "COPY --from=b /usr/local/lib/python3.12/site-packages/x /x\nCMD sh\n",
        "Dockerfile:4: COPY /usr/local/lib/python3.12/site-packages/x /x: a part of a Python prefix",
    ),
    "a server that its base image brings": (
        "FROM nginx:1.27\nCOPY app /usr/share/nginx/html\n",
        "Dockerfile:1: FROM nginx:1.27: what it starts is in that image, which a host does not have",
    ),
    "a server that CMD names, with files from a build": (
        'FROM nginx:1.27\nCOPY app /usr/share/nginx/html\nCMD ["nginx", "-g", "daemon off;"]\n',
        "Dockerfile:1: FROM nginx:1.27: needs a container engine; line 3 runs nginx, which is in it",
    ),
    "a function of Lambda's": (
        'FROM public.ecr.aws/lambda/python:3.11\nCOPY app.py ${LAMBDA_TASK_ROOT}\nCMD ["app.handler"]\n',
        "Dockerfile:1: FROM public.ecr.aws/lambda/python:3.11: what starts functions is in that image",
    ),
    "a program that only the entrypoint script runs": (
        'FROM base\nRUN apt-get install -y netcat\nCOPY docker/wait.sh /\nCMD ["/wait.sh"]\n',
        "Dockerfile:2: RUN apt-get install -y netcat: needs a container engine; /wait.sh runs nc",
    ),
    "no source": ("FROM base\nCOPY /x\n", "Dockerfile:2: COPY names no source"),
}


@pytest.mark.parametrize(("text", "what"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_the_service_cannot_do_without_is_refused_with_its_line(folder: Path, text: str, what: str) -> None:
    with pytest.raises(CulmError) as refusal:
        plan(folder, text)
    assert refusal.value.what.startswith(what)


def test_a_script_that_only_asks_whether_somebody_listens_needs_no_netcat(folder: Path) -> None:
    text = 'FROM base\nRUN apt-get install -y netcat\nCOPY docker/wait.sh /\nCMD ["/wait.sh"]\n'
    host = BareHost(programs_there=frozenset({"/bin/sh", "sh", "bash"}))
    image = plan(folder, text, host=host)
    netcat = next(layer["/usr/local/bin/nc"] for layer in image.layers if "/usr/local/bin/nc" in layer)
    assert netcat.mode == 0o755 and b"/dev/tcp/" in netcat.data()
    (folder / "docker/wait.sh").write_text("#!/bin/sh\nnc -z db 1\nnc -l 80\n")
    with pytest.raises(CulmError, match="runs nc"):
        plan(folder, text, host=host)


def test_a_build_elsewhere_than_the_service_works_is_only_left_out(folder: Path) -> None:
    text = 'FROM base\nWORKDIR /app\nRUN pip install flask\nRUN cd /tmp/lib && make\nCMD ["flask", "run"]\n'
    assert [left.text for left in plan(folder, text).left] == ["RUN cd /tmp/lib && make"]


def test_an_entrypoint_of_the_folder_may_start_anything_of_the_environment(folder: Path) -> None:
    text = """\
FROM base
COPY docker/entrypoint.sh /e
RUN pip install x
ENTRYPOINT ["/e"]
CMD ["gunicorn", "app"]
"""
    assert plan(folder, text).left == ()


STARTS: dict[str, tuple[str, list[str], list[str]]] = {
    "arguments of an interpreter that is the entrypoint": (
        'FROM python:3.12\nWORKDIR /srv\nCOPY app .\nENTRYPOINT ["python3"]\nCMD ["main.py", "serve"]\n',
        ["python3"],
        ["main.py", "serve"],
    ),
    "an init of the distribution": (
        "FROM base\nRUN apt-get update && apt-get install -y tini\n"
        'ENTRYPOINT ["/usr/bin/tini", "-g", "--"]\nCMD ["sh", "-c", "true"]\n',
        [],
        ["sh", "-c", "true"],
    ),
    "an init that is downloaded": (
        'FROM base\nADD https://example.org/v0.19.0/tini /tini\nENTRYPOINT ["/tini", "--", "sh"]\n',
        ["sh"],
        [],
    ),
    "an init that RUN downloads": (
        'FROM base\nRUN curl -Lo /tini https://example.org/tini && chmod +x /tini\nENTRYPOINT ["/tini", "--", "sh"]\n',
        ["sh"],
        [],
    ),
    "an init in the command": ('FROM base\nCMD ["dumb-init", "--rewrite", "15:2", "sh"]\n', [], ["sh"]),
}


@pytest.mark.parametrize(("text", "entrypoint", "command"), STARTS.values(), ids=STARTS.keys())
def test_what_is_started_is_followed(folder: Path, text: str, entrypoint: list[str], command: list[str]) -> None:
    config = plan(folder, text).config
    assert (config.get("Entrypoint", []), config.get("Cmd", [])) == (entrypoint, command)


def test_uv_by_its_own_installer_is_uv(folder: Path) -> None:
    text = """\
FROM python:3.12-slim
ADD https://astral.sh/uv/install.sh /uv-installer.sh
RUN sh /uv-installer.sh && rm /uv-installer.sh
WORKDIR /app
COPY . .
RUN uv sync --frozen
CMD ["uv", "run", "app/main.py"]
"""
    made = plan(folder, text, BareHost(in_prefixes=frozenset()))
    assert [place for place in placements(made) if place[1] != "programs"] == [("/app/.venv", "environment")]
    assert [path.rpartition("/")[2] for path, part in placements(made) if part == "programs"] == ["bin"]


def test_here_documents_are_files_and_scripts(folder: Path) -> None:
    text = """\
FROM base
ENV NAME=culm
COPY <<EOF <<-"RAW" /srv/
hello $NAME
EOF
	as it is $NAME
	RAW
RUN <<EOF
mkdir -p /data
echo one > /data/one
EOF
CMD sh
"""
    made = plan(folder, text)
    tree = {path: file for layer in made.layers for path, file in layer.items()}
    assert tree["/srv/EOF"].data() == b"hello culm\n"
    assert tree["/srv/RAW"].data() == b"as it is $NAME\n"
    assert tree["/data/one"].data() == b"one\n"


def test_a_program_of_a_prefix_that_path_does_not_lead_to_is_refused(folder: Path) -> None:
    host = BareHost(in_prefixes=frozenset({"gunicorn"}))
    text = 'FROM python:3.12\n{}RUN pip install --user gunicorn\nCMD ["gunicorn", "app"]\n'
    with pytest.raises(CulmError, match="runs gunicorn, which the image does not hold"):
        plan(folder, text.format(""), host)
    assert plan(folder, text.format("ENV HOME=/h PATH=/h/.local/bin:$PATH\n"), host).config["Cmd"]


def test_what_no_line_brings_is_perhaps_misspelled(folder: Path) -> None:
    with pytest.raises(CulmError) as refused:
        plan(folder, 'FROM base\nCMD ["pyhton", "x"]\n')
    assert "runs pyhton, which the image does not hold" in refused.value.what
    assert refused.value.hint is not None and "spelled" in refused.value.hint


@pytest.mark.parametrize("start", ['["yarn", "start"]', "cd /app && exec yarn start"])
def test_yarn_is_brought_where_a_node_image_starts_with_it(tmp_path: Path, start: str) -> None:
    host = BareHost(programs_there=frozenset({"/bin/sh", "sh", "node", "npm"}))
    host.made = {"/usr/local/bin/yarn": made_file(b"#!/usr/bin/env node\n", 0o755)}

    image = plan(tmp_path, f"FROM node:22\nWORKDIR /app\nCMD {start}\n", host)

    assert [job.argv for job in host.jobs] == [("npm", "install", "--global", "--prefix", "/usr/local", "yarn@1")]
    assert files(image) == ["/usr/local/bin/yarn"]


def test_a_start_with_npm_at_its_place_in_the_base_image_is_this_machines(tmp_path: Path) -> None:
    host = BareHost(programs_there=frozenset({"/bin/sh", "sh", "node", "npm"}))

    image = plan(tmp_path, 'FROM node:22\nWORKDIR /app\nCMD ["/usr/local/bin/npm", "start"]\n', host)

    assert image.config["Cmd"] == ["/usr/local/bin/npm", "start"]

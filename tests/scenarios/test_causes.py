"""Ten services that fail, each for another reason: the cause is in the first five lines of what `up` says of it.

With an engine they are built and started when CULM_PATTERNS is set, as every night.
"""

import os
from collections.abc import Iterator

import pytest
from tests.scenarios import misfits
from tests.scenarios.stand import Stand
from tests.traffic import free_port

DIES = {
    "taken": ("raise OSError(98, 'Address already in use')", "the port that it listens on is taken"),
    "unset": ("os.environ['SHOP_TOKEN']", "a variable of its environment is missing: KeyError: 'SHOP_TOKEN'"),
    "nodb": ("import socket; socket.create_connection(('127.0.0.1', 1))", "accepts no connections"),
    "nohost": ("import socket; socket.getaddrinfo('db.invalid', 5432)", "a host name that nobody has"),
    "module": ("import coffee_of_the_house", "a module is not in the image"),
    "own": ("raise ValueError('no coffee')", "cause: ValueError: no coffee"),
}
ANSWERS = {
    "moved": (302, "answers with a redirect (302)"),
    "lost": (404, "its health page is not there (404)"),
    "closed": (401, "its health page wants a login (401)"),
}


WITH_AN_ENGINE = pytest.param(
    "docker",
    marks=[
        pytest.mark.docker,
        pytest.mark.skipif(not os.environ.get("CULM_PATTERNS"), reason="CULM_PATTERNS is not set"),
    ],
)


@pytest.fixture(scope="module", params=["process", WITH_AN_ENGINE])
def screen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stand = Stand(tmp_path_factory.mktemp("causes"), port=free_port())
    stand.environment["CULM_BASE_IMAGE"] = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
    for name, (first, _) in DIES.items():
        misfits.service(stand, name, first=first)
    for name, (status, _) in ANSWERS.items():
        misfits.service(stand, name, status=status)
    program = misfits.PROGRAM.format(said="well", first="", port="8099", status=200)
    stand.write("inward/serve.py", program.replace('"0.0.0.0"', '"127.0.0.1"'))
    stand.write("inward/Dockerfile", misfits.DOCKERFILE)
    names = [*DIES, *ANSWERS, "inward"]
    targets = f"targets: {{local: {{port: {stand.port}, instances: 4 x t2.micro}}}}"
    services = "\n".join(f"  {name}: {{grace: 5}}" for name in names)
    stand.write("culm.yml", f"name: causes\n{targets}\nservices:\n{services}\n")
    yield stand.culm("up", "--runtime", request.param, status=1).err
    stand.close()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        *((name, cause) for name, (_, cause) in DIES.items()),
        *((name, cause) for name, (_, cause) in ANSWERS.items()),
        ("inward", "where it is asked: on another port, or on 127.0.0.1 alone"),
    ],
)
def test_the_cause_is_in_the_first_five_lines(screen: str, name: str, cause: str) -> None:
    lines = screen.splitlines()
    begins = next(at for at, line in enumerate(lines) if line.startswith(f"culm: {name} "))
    assert cause in "\n".join(lines[begins : begins + 5])

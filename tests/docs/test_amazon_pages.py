"""What the pages say to type about Amazon is typed, on the stand-in for it; images are built by a real engine."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.amazon.amazon import Amazon, amazon
from tests.docs import table
from tests.docs.markdown import GUIDES, commands, shown
from tests.docs.reader import Reader
from tests.docs.shell import Shell

pytestmark = [pytest.mark.docker, pytest.mark.scenario, pytest.mark.timeout(600)]

AMAZON = {
    page: here
    for page in GUIDES
    if os.environ.get("CULM_DOCS") == "all"
    and (here := [each for each in commands(page) if table.place(each) == "amazon"])
}
"""The commands of each page that are about Amazon."""
BASE = "culm-test-nothing:1"
"""An image of one small file: nothing of these services runs, and each page's are pushed anew."""
EVERY_TARGET = ("stg", "prd", "staging")
TARGETS = {"aws.md": ("stg",)}
"""By page: the targets that its reader has at first, where it does not take three for granted."""
DOCKERFILE = 'ARG BASE_IMAGE=python:3.12-slim\nFROM ${BASE_IMAGE}\nEXPOSE 8000\nCMD ["sh"]\n'


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    subprocess.run(["docker", "import", "-", BASE], input=packed.getvalue(), check=True, capture_output=True)
    yield BASE
    subprocess.run(["docker", "rmi", BASE], check=False, capture_output=True)


@pytest.fixture(scope="module")
def served(completed_moto: None) -> Iterator[Amazon]:
    with amazon() as made:
        yield made


@pytest.fixture
def reader(served: Amazon, base: str, tmp_path: Path, page: Path) -> Iterator[Reader]:
    """Somebody with three services, in an empty account."""
    served.empty()
    folder = tmp_path / "bamboo"
    for name in ("accounts", "orders", "web"):
        (folder / name).mkdir(parents=True)
        (folder / name / "Dockerfile").write_text(DOCKERFILE)
    (folder / "accounts" / "Dockerfile.migrate").write_text(DOCKERFILE)
    settings = f"provider: aws, region: us-east-1, endpoint_url: '{served.url}'"
    targets = "".join(f"  {name}: {{{settings}}}\n" for name in TARGETS.get(page.name, EVERY_TARGET))
    services = "services: {accounts: , orders: , web: {path: /}}\n"
    (folder / "culm.yml").write_text(f"name: bamboo\ntargets:\n{targets}defaults: {{settle: 0}}\n{services}")
    environment = {
        **os.environ,
        **{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"},
        **{"HOME": str(tmp_path), "CULM_HOME": str(tmp_path / "home"), "CULM_KEYS": str(tmp_path / "keys")},
        **{"EDITOR": "true", "BROWSER": "true", "CULM_BASE_IMAGE": base, "PYTHONWARNINGS": "ignore"},
    }
    shell = Shell(tmp_path / "shell", environment)
    shell.folder = folder
    yield Reader(shell, {"@account@": served.url})
    served.empty()


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto's CloudFormation does not make everything
@pytest.mark.parametrize("page", AMAZON, ids=shown)
def test_what_a_page_says_to_type_about_amazon_works_in_its_order(reader: Reader, page: Path) -> None:
    wrong = [problem for command in AMAZON[page] for problem in reader.types(command)]
    assert not wrong, "\n".join(wrong)

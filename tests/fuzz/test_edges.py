"""A fuzz target per edge: what comes from outside is answered or refused, and never a traceback, a hang or a 500.

`CULM_FUZZ` examples of each (a few; thousands in bench/fuzz.py, which runs an edge for a time and counts). The
operations of the AWS API have targets of their own in tests/cluster/wire/test_hostile.py.
"""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bench.fuzz import EDGES, ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.runtime.oci import OciRegistry
from tests.fuzz import files, ports
from tests.fuzz.files import Take
from tests.fuzz.mutation import CORPUS, corpus, mutated
from tests.fuzz.ports import Ports, judge, send

MANIFESTS = "image manifests"
COUNT = int(os.environ.get("CULM_FUZZ", "2"))
MOST_SECONDS = 2.0
"""Of the processor, for an input."""
COUNTED = os.environ.get("CULM_FUZZ_COUNT")
"""A file to which a byte is written for each input."""
fuzzing = settings(max_examples=COUNT, suppress_health_check=list(HealthCheck), deadline=None)


def counted() -> None:
    if COUNTED:
        with open(COUNTED, "ab") as file:
            file.write(b".")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    with ports.ports(tmp_path_factory.mktemp("ports"), verified=True) as made:
        yield made


@pytest.fixture(scope="module")
def friend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    with ports.ports(tmp_path_factory.mktemp("ports"), verified=False) as made:
        yield made


@pytest.fixture(scope="module")
def registry() -> Iterator[OciRegistry]:
    made = OciRegistry()
    yield made
    made.close()


def attempt(take: Take, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()  # of this process: the machine may be busy with others
        take(data, Path(folder))
        assert time.process_time() - began < MOST_SECONDS
    counted()


@pytest.mark.parametrize("edge", [*files.EDGES, MANIFESTS])
def test_a_file_that_is_broken_is_refused_and_nothing_else(edge: str, registry: OciRegistry) -> None:
    take = files.manifest_at(registry) if edge == MANIFESTS else files.EDGES[edge]
    for data in corpus(edge):
        attempt(take, data)

    @given(mutated(edge))
    @fuzzing
    def fuzz(data: bytes) -> None:
        attempt(take, data)

    fuzz()


@pytest.mark.parametrize("edge", ports.EDGES)
def test_bytes_that_are_no_request_are_answered_or_refused_and_nothing_else(
    edge: str, stranger: Ports, friend: Ports, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    def ask(data: bytes, at: Ports) -> None:
        began = time.process_time()
        judge(send(at.task_port if edge == "task endpoint" else at.port, data))
        assert time.process_time() - began < MOST_SECONDS
        assert not caplog.records, caplog.text
        counted()

    for data in corpus(edge):
        ask(data, friend)

    @given(mutated(edge), st.booleans())
    @fuzzing
    def fuzz(data: bytes, verified: bool) -> None:
        ask(data, stranger if verified else friend)

    fuzz()


def test_every_edge_has_its_ten_minutes_a_night_and_a_corpus() -> None:
    nightly = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    assert nightly["jobs"]["fuzz"]["strategy"]["matrix"]["edge"] == list(EDGES)
    assert {path.name for path in CORPUS.iterdir()} == {*files.EDGES, *ports.EDGES, MANIFESTS}
    assert all(name.partition("[")[2][:-1] == edge for edge, name in EDGES.items() if "test_edges" in name)

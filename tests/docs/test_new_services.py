"""The small services that `culm new` writes are tested by their own tests, and serve on a cluster without an engine."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.stand import Stand
from tests.traffic import free_port

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.timeout(600),
    pytest.mark.skipif("CULM_DOCS" not in os.environ, reason="half a minute: in the nightly run, or make docs-run"),
]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path, port=free_port())
    yield made
    made.close()


def test_small_new_services_in_python_and_node_are_tested_and_serve(stand: Stand) -> None:
    stand.culm("new", "pets")
    stand.culm("new", "front", "--lang", "node")
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    stand.edit("culm.yml", "services:", "defaults: {settle: 0}\nservices:")
    stand.edit("pets/conf/database.url", "5401", str(free_port()))
    said = stand.culm("test", "--with", "embedded")
    assert re.search(r"pets +1 passed", said.err)
    assert re.search(r"front +1 passed", said.err)

    stand.culm("up", "--runtime", "process")
    assert [stand.get(f"/{service}/health").status for service in ("pets", "front")] == [200, 200]
    assert stand.post("/pets/", {"name": "rex"}).body == {"id": 1, "name": "rex"}
    assert stand.get("/pets/").body == [{"id": 1, "name": "rex"}]
    assert stand.get("/front/").body == {"hello": "front"}

import re
from pathlib import Path

import botocore
import pytest

import culm.cloud
from culm.wire.coverage import document

WRITTEN = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_coverage_table_is_what_the_registry_says():
    culm.cloud.load()
    written = WRITTEN.read_text()
    if f"botocore {botocore.__version__}" not in written:
        pytest.skip(f"it was printed with another botocore than {botocore.__version__}")

    assert document() == written, "run: python -m culm.cloud > docs/coverage.md"


def test_every_member_has_one_fate():
    for entry in re.split("^### ", WRITTEN.read_text(), flags=re.M)[1:]:
        members = re.findall("`([^`]+)`", entry)
        assert len(members) == len(set(members)), entry.splitlines()[0]

import re
from pathlib import Path

import botocore
import pytest

from culm.cluster import operations
from culm.cluster.wire.coverage import document, entry
from culm.cluster.wire.models import Service
from culm.cluster.wire.operations import Operation
from culm.core.model.record import record

WRITTEN = Path(__file__).parents[3] / "docs" / "coverage.md"


def test_the_coverage_table_is_what_the_registry_says():
    operations.load()
    written = WRITTEN.read_text()
    if f"botocore {botocore.__version__}" not in written:
        pytest.skip(f"it was printed with another botocore than {botocore.__version__}")

    assert document() == written, "run: python -m culm.cluster.operations > docs/coverage.md"


def test_every_member_has_one_fate():
    for served in re.split("^### ", WRITTEN.read_text(), flags=re.M)[1:]:
        members = re.findall("`([^`]+)`", served)
        assert len(members) == len(set(members)), served.splitlines()[0]


def test_an_operation_without_input_says_so():
    @record
    class NoInput:
        pass

    served = Operation(service="iam", name="GetAccountSummary", function=print, input=NoInput, wakes=False)

    assert entry(Service("iam", ["GetAccountSummary"]), served) == "### GetAccountSummary\n\nIt has no input.\n"

import re
from pathlib import Path

import botocore
import pytest

import culm.cloud
from culm.model.record import record
from culm.wire.coverage import document, entry
from culm.wire.models import Service
from culm.wire.operations import Operation

WRITTEN = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_coverage_table_is_what_the_registry_says():
    culm.cloud.load()
    written = WRITTEN.read_text()
    if f"botocore {botocore.__version__}" not in written:
        pytest.skip(f"it was printed with another botocore than {botocore.__version__}")

    assert document() == written, "run: python -m culm.cloud > docs/coverage.md"


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

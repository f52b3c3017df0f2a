"""What `culm up` ends with."""

import io

import pytest

from culm.cli.up import report
from culm.console import Console
from culm.deploy.executor import LeftAlone
from culm.deploy.up import ServiceOutcome
from culm.errors import CulmError, TimedOut


def test_a_failure_is_told_once_and_not_by_those_that_were_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    alone = [ServiceOutcome(service=name, error=LeftAlone(f"{name} was left alone", "")) for name in ("web", "job")]
    failed = ServiceOutcome(service="api", error=TimedOut("api is not steady", "look at its log"))
    with pytest.raises(TimedOut, match="api is not steady"):
        report([failed, *alone], Console(io.StringIO()))
    assert capsys.readouterr().err == ""
    with pytest.raises(CulmError, match="job was left alone"):
        report(alone, Console(io.StringIO()))

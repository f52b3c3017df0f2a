"""What a trace shows of calls, and what it does not."""

import io
import json
from pathlib import Path

import pytest
from tests.serving import served

from culm.errors import UsageError
from culm.project.project import Project
from culm.target.connection import StaticCredentials, Target
from culm.target.trace import Trace, to_file


def test_each_call_is_a_line_without_what_it_would_give_away(tmp_path: Path, project: Project) -> None:
    stream = io.StringIO()
    with served(tmp_path) as endpoint:
        target = Target(
            project.targets["local"], endpoint, StaticCredentials(access_key="a", secret_key="b"), Trace(stream)
        )
        target.client("s3").create_bucket(Bucket="a-bucket")
        target.client("s3").put_object(Bucket="a-bucket", Key="k", Body=b"the body")
        target.client("ssm").put_parameter(Name="/n", Value="the value", Type="SecureString")
        rds = target.client("rds")
        with pytest.raises(rds.exceptions.DBInstanceNotFoundFault):
            rds.describe_db_instances(DBInstanceIdentifier="none")
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(t["service"], t["operation"], t.get("error")) for t in told] == [
        ("s3", "CreateBucket", None),
        ("s3", "PutObject", None),
        ("ssm", "PutParameter", None),
        ("rds", "DescribeDBInstances", "DBInstanceNotFound"),
    ]
    assert told[1]["parameters"]["Body"] == "<8 bytes>"
    assert told[2]["parameters"] == {"Name": "/n", "Value": "[redacted]", "Type": "SecureString"}
    assert "the value" not in stream.getvalue()


def test_a_call_that_gets_no_answer_is_a_line_too(project: Project) -> None:
    stream = io.StringIO()
    target = Target(
        project.targets["local"], "http://127.0.0.1:1", StaticCredentials(access_key="a", secret_key="b"), Trace(stream)
    )
    from botocore.exceptions import EndpointConnectionError

    with pytest.raises(EndpointConnectionError):
        target.client("sts").get_caller_identity()
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["error"] == "EndpointConnectionError"


def test_a_trace_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    for _ in range(2):
        to_file(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="cannot write the trace"):
        to_file(tmp_path / "nowhere" / "trace")

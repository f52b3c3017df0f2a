"""AWS's refusals in our own words."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from culm.errors import CulmError
from culm.target import faults
from culm.target.faults import Denied, denied, refusal

WHO = "User: arn:aws:sts::123456789012:assumed-role/dev/ada is"
ARN = "arn:aws:ecs:us-east-1:123456789012:service/bamboo/web"


@pytest.mark.parametrize(
    ("message", "resource"),
    [
        (
            f"{WHO} not authorized to perform: ecs:UpdateService on resource: {ARN} because no identity-based policy",
            ARN,
        ),
        (f'{WHO} not authorized to perform: ecs:UpdateService on resource: "{ARN}"', ARN),
        (f"{WHO} not authorized to perform: ecs:UpdateService", "*"),
    ],
)
def test_a_denied_call_names_what_is_missing_and_the_statement_that_gives_it(message: str, resource: str) -> None:
    error = denied("UpdateService", message)
    assert error.what == f"you may not ecs:UpdateService on {resource}"
    statement = json.loads(error.hint.splitlines()[-1])
    assert statement == {"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": resource}


def test_what_an_explicit_deny_forbids_no_statement_allows() -> None:
    error = denied("RunTask", f"{WHO} not authorized to perform: ecs:RunTask with an explicit deny in a policy")
    assert "the Deny has to go" in error.hint
    assert "Effect" not in error.hint


def test_a_refusal_without_reasons_names_the_operation() -> None:
    error = refusal("HeadObject", "AccessDenied", "Access Denied")
    assert isinstance(error, Denied)
    assert error.what == "HeadObject was denied: Access Denied"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ThrottlingException", "in a minute"),
        ("RequestLimitExceeded", "in a minute"),
        ("ExpiredToken", "log in again"),
        ("ExpiredTokenException", "log in again"),
    ],
)
def test_what_passes_by_itself_or_by_logging_in_says_that_the_same_command_goes_on(code: str, hint: str) -> None:
    error = refusal("RunTask", code, "x")
    assert hint in error.hint
    assert "goes on from here" in error.hint


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("https://ecs.us-east-9.amazonaws.com/", "is `region:` the right one"),
        ("http://127.0.0.1:4599/", "does the cluster run?"),
    ],
)
def test_an_address_that_is_not_there_is_a_wrong_region_on_amazon_and_no_cluster_here(address: str, hint: str) -> None:
    with pytest.raises(CulmError) as refusal, faults.translated():
        raise EndpointConnectionError(endpoint_url=address)
    assert refusal.value.hint.startswith(hint)


def test_a_page_of_a_proxy_in_place_of_an_answer_is_named_as_such() -> None:
    shown = pytest.raises(CulmError, match=r"^what answers is not AWS: Unable to parse response .* invalid XML")
    with shown as told, faults.translated():
        raise ResponseParserError("Unable to parse response (line 1), invalid XML received. Further: <html>")
    assert "HTTPS_PROXY" in told.value.hint
    assert "html" not in told.value.what

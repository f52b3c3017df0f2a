"""What policies allow. The cases are those of IAM's own documentation."""

import json
import re
from typing import Any

import pytest

from culm.core.decide.policies import evaluate, trusts
from culm.core.decide.policy_documents import Malformed, parse, parse_identity, parse_trust
from culm.core.model.policies import Ask, Policy

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/task"


def policy(*statements: dict[str, Any]) -> Policy:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | elements


def deny(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "*", "Resource": "*"} | elements


def ask(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::vault/stg/web/a", **context: Any) -> Ask:
    values = {
        key.replace("__", ":").lower(): tuple(value) if isinstance(value, list) else (value,)
        for key, value in context.items()
    }
    return Ask(action=action, resource=resource, principals=(SESSION, ROLE), account=ACCOUNT, context=values)


def verdict(asked: Ask, *statements: dict[str, Any]) -> str:
    return evaluate(asked, [policy(*statements)]).why


def test_nothing_is_allowed_that_no_policy_allows():
    assert evaluate(ask(), []).why == "not allowed"
    assert verdict(ask("s3:PutObject"), allow()) == "not allowed"
    assert verdict(ask(), allow()) == "allowed"


def test_an_explicit_denial_wins_wherever_it_stands():
    assert verdict(ask(), allow(), deny()) == "denied by an identity policy"
    bucket = policy(deny(Principal="*"))
    assert evaluate(ask(), [policy(allow())], [bucket]).why == "denied by a resource policy"


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        ("s3:Get*", True),
        ("s3:Ge?Object", True),
        (["ec2:*", "s3:*"], True),
        ("*", True),
        ("s3:Put*", False),
        ("s3:GetObjec", False),
    ],
)
def test_actions_have_wildcards_and_no_case(action, allowed):
    assert (verdict(ask(), allow(Action=action)) == "allowed") is allowed


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("arn:aws:s3:::vault/stg/web/a", True),
        ("arn:aws:s3:::vault/stg/web/*", True),
        ("arn:aws:s3:::vault/stg/*/a", True),
        ("arn:aws:s3:::vault/stg/web/?", True),
        (["arn:aws:s3:::other/*", "arn:aws:s3:::vault/*"], True),
        ("arn:aws:s3:::vault/stg/web", False),
        ("arn:aws:s3:::vault/STG/web/a", False),
        ("arn:aws:s3:::vault/stg/web2/*", False),
        ("arn:aws:s3:::vault", False),
    ],
)
def test_resources_have_wildcards(resource, allowed):
    assert (verdict(ask(), allow(Resource=resource)) == "allowed") is allowed


def test_not_action_and_not_resource_cover_everything_else():
    allowing = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::other/*"}
    assert verdict(ask(), allowing) == "allowed"
    assert verdict(ask("iam:CreateRole"), allowing) == "not allowed"
    assert verdict(ask(resource="arn:aws:s3:::other/a"), allowing) == "not allowed"


def test_policy_variables_take_values_of_the_request():
    statement = allow(Resource="arn:aws:s3:::vault/${aws:PrincipalTag/team}/*")
    assert verdict(ask(**{"aws:PrincipalTag/team": "stg"}), statement) == "allowed"
    assert verdict(ask(), statement) == "not allowed"
    assert verdict(ask(resource="arn:aws:s3:::vault/*"), allow(Resource="arn:aws:s3:::vault/${*}")) == "allowed"
    assert verdict(ask(), allow(Resource="arn:aws:s3:::vault/${aws:x, 'stg'}/*")) == "allowed"


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ROLE}, True),
        ({"AWS": SESSION}, True),
        ({"AWS": [f"{ROLE}2", ROLE]}, True),
        ({"AWS": f"{ROLE}2"}, False),
        ({"Service": "ecs-tasks.amazonaws.com"}, False),
        ({"AWS": ACCOUNT}, False),  # its own policies decide, and there are none
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, False),
    ],
)
def test_a_bucket_s_policy_may_let_somebody_in(principal, allowed):
    assert evaluate(ask(), [], [policy(allow(Principal=principal))]).allowed is allowed


def test_a_bucket_s_policy_may_shut_out_all_but_some():
    assert evaluate(ask(), [policy(allow())], [policy(deny(NotPrincipal={"AWS": ROLE}))]).allowed
    other = policy(deny(NotPrincipal={"AWS": f"{ROLE}2"}))
    assert evaluate(ask(), [policy(allow())], [other]).why == "denied by a resource policy"
    account = policy(deny(Principal={"AWS": ACCOUNT}))
    assert evaluate(ask(), [policy(allow())], [account]).why == "denied by a resource policy"


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"s3:prefix": "stg/"}}, {"s3:prefix": "stg/"}, True),
        ({"StringEquals": {"S3:Prefix": ["prd/", "stg/"]}}, {"s3:prefix": "stg/"}, True),
        ({"StringEquals": {"s3:prefix": "stg/"}}, {}, False),
        ({"StringEqualsIfExists": {"s3:prefix": "stg/"}}, {}, True),
        ({"StringNotEquals": {"s3:prefix": "stg/"}}, {"s3:prefix": "stg/"}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": "b"}, False),
        ({"StringNotEquals": {"s3:prefix": "stg/"}}, {}, True),
        ({"StringEqualsIgnoreCase": {"s3:prefix": "STG/"}}, {"s3:prefix": "stg/"}, True),
        ({"StringNotEqualsIgnoreCase": {"s3:prefix": "STG/"}}, {"s3:prefix": "stg/"}, False),
        ({"StringLike": {"s3:prefix": "stg/web/*"}}, {"s3:prefix": "stg/web/"}, True),
        ({"StringLike": {"s3:prefix": "stg/web/*"}}, {"s3:prefix": "stg/"}, False),
        ({"StringNotLike": {"s3:prefix": "stg/*"}}, {"s3:prefix": "prd/"}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/w*"}}, {"aws:PrincipalArn": ROLE}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:*"}}, {"aws:PrincipalArn": ROLE}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": ROLE}}, {"aws:PrincipalArn": ROLE}, False),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:SecureTransport": "false"}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": "false"}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"aws:SourceIp": "127.77.0.11"}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.1"}}, {"aws:SourceIp": "127.77.0.11"}, False),
        ({"IpAddress": {"aws:SourceIp": "nonsense"}}, {"aws:SourceIp": "127.77.0.11"}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8"]}}, {"aws:SourceIp": "127.77.0.11"}, True),
        ({"NumericLessThan": {"s3:max-keys": 10}}, {"s3:max-keys": "9"}, True),
        ({"NumericGreaterThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, False),
        ({"NumericNotEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
        ({"NumericEquals": {"s3:max-keys": "ten"}}, {"s3:max-keys": "9"}, False),
        (
            {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
            {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
            True,
        ),
        (
            {"DateEquals": {"aws:CurrentTime": "2026-01-01T01:00:00+01:00"}},
            {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
            True,
        ),
        ({"DateGreaterThan": {"aws:EpochTime": "1767225600"}}, {"aws:EpochTime": "1767225599"}, False),
        ({"DateEquals": {"aws:CurrentTime": "some day"}}, {"aws:CurrentTime": "2026-01-01T00:00:00Z"}, False),
        ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        ({"Null": {"aws:TokenIssueTime": True}}, {"aws:TokenIssueTime": "x"}, False),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {"aws:TokenIssueTime": "x"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, {}, True),
        ({"ForAnyValue:StringLike": {"aws:TagKeys": "c*"}}, {"aws:TagKeys": ["a", "c1"]}, True),
        ({"ForAnyValue:StringLike": {"aws:TagKeys": "c*"}}, {}, False),
        (
            {"StringEquals": {"aws:userid": "${aws:PrincipalAccount}"}},
            {"aws:userid": "1", "aws:PrincipalAccount": "1"},
            True,
        ),
        ({"StringEquals": {"a:b": "1", "a:c": "2"}}, {"a:b": "1", "a:c": "3"}, False),
    ],
)
def test_conditions(condition, context, holds):
    assert (verdict(ask(**context), allow(Condition=condition)) == "allowed") is holds


def trusting(principal: Any, **more: Any) -> Policy:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


def test_a_role_says_who_may_assume_it():
    assuming = ask("sts:AssumeRole", f"{ROLE}-other")
    assert trusts(trusting({"AWS": ROLE}), assuming, [])
    assert not trusts(trusting({"AWS": f"{ROLE}2"}), assuming, [])
    assert not trusts(trusting({"Service": "ecs-tasks.amazonaws.com"}), assuming, [policy(allow(Action="*"))])


def test_a_role_that_trusts_the_account_leaves_it_to_the_caller_s_policies():
    assuming = ask("sts:AssumeRole", f"{ROLE}-other")
    trust = trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    assert not trusts(trust, assuming, [])
    assert trusts(trust, assuming, [policy(allow(Action="sts:AssumeRole"))])


def test_a_denial_of_either_side_keeps_a_role_from_being_assumed():
    assuming = ask("sts:AssumeRole", f"{ROLE}-other")
    assert not trusts(trusting({"AWS": ROLE}), assuming, [policy(deny())])
    both = parse(
        json.dumps(
            {
                "Statement": [
                    {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
                    {"Effect": "Deny", "Principal": {"AWS": ROLE}, "Action": "sts:*"},
                ]
            }
        )
    )
    assert not trusts(both, assuming, [])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"Statement": ["a"]}',
        '{"Statement": [], "Colour": "red"}',
        '{"Version": "2020-01-01", "Statement": []}',
        '{"Statement": {"Effect": "Maybe", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "NotAction": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "GetObject"}}',
        '{"Statement": {"Effect": "Allow", "Action": [{}]}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Colour": "red"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Principal": "me"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": []}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"StringSounds": {"a": "b"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Most:StringLike": {"a": "b"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"StringLike": "a"}}}',
    ],
)
def test_malformed_policy_documents_are_refused(text):
    with pytest.raises(Malformed):
        parse(text)


def identity(**changes: object) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": {k: v for k, v in statement.items() if v is not None}})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (identity(Resource=None), "must contain resources"),
        (identity(Resource=[]), "must contain resources"),
        (identity(Action=[]), "must contain actions"),
        (identity(Resource="my-bucket"), 'Resource my-bucket must be in ARN format or "*".'),
        (identity(Resource="arn:aws:s3"), "legacy parsing"),
        (identity(Resource="arn:aws:s3:::"), "legacy parsing"),
        (identity(Resource="arn:other:s3:::b"), 'Partition "other" is not valid'),
        (identity(Resource="arn:aws:s*:::b"), "Vendor s* is not valid"),
        (identity(Resource="arn:aws:s3:us-east-1::b"), "can not contain region information"),
        (identity(Action="s3:List:Bucket"), "can contain only one colon"),
        (identity(Action="s3 x:Get"), "Vendor s3 x is not valid"),
        (identity(Action="s3:Get Object"), "legacy parsing"),
        (identity(Principal="*"), "should not specify a principal"),
        (identity(Sid="no good"), "must be alpha-numeric"),
        ('{"Version": "2012-10-17", "Statement": []}', "Syntax errors"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}', "must be version 2012-10-17"),
        ('{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}', "version"),
        ("[" * 5000, "Syntax errors"),
    ],
)
def test_malformed_policies_of_roles_are_refused(document, message):
    with pytest.raises(Malformed, match=re.escape(message)):
        parse_identity(document)


@pytest.mark.parametrize(
    "resource",
    ["arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:ecs:*:*:task/*", "arn:*:*:*:*:*",
     "arn:aws:iam::aws:policy/A"],
)  # fmt: skip
def test_resources_of_every_usual_form_are_taken(resource):
    assert parse_identity(identity(Resource=resource)).statements


def test_a_stored_statement_without_a_resource_grants_nothing():
    document = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*"}}'
    assert not evaluate(Ask(action="s3:GetObject", resource="arn:aws:s3:::b/k"), [parse(document)]).allowed


def test_trust_policies_name_who_and_nothing_else():
    parse_trust('{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x.y"}}}')
    with pytest.raises(Malformed, match="Principal"):
        parse_trust('{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}')
    with pytest.raises(Malformed, match="Resource"):
        parse_trust('{"Statement": {"Effect": "Allow", "Action": "*", "Principal": "*", "Resource": "*"}}')


def trust(principal: object, action: str = "sts:AssumeRole") -> str:
    return json.dumps({"Statement": {"Effect": "Allow", "Action": action, "Principal": principal}})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (trust({"AWS": "hello"}), 'Invalid principal in policy: "AWS":"hello"'),
        (trust({"AWS": ["*", "arn:aws:iam::12:root"]}), 'Invalid principal in policy: "AWS":"arn:aws:iam::12:root"'),
        (trust({"Service": "ecs-tasks"}), 'Invalid principal in policy: "SERVICE":"ecs-tasks"'),
        (trust("*", "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)
def test_trust_policies_of_nobody_or_for_something_else_are_refused(document, message):
    with pytest.raises(Malformed, match=re.escape(message)):
        parse_trust(document)


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:role/a/b"}, {"AWS": "AROAEXAMPLE123456789"},
     {"AWS": "arn:aws:sts::123456789012:assumed-role/a/b"}, {"Service": ["ecs-tasks.amazonaws.com", "ec2.x"]},
     {"Federated": "cognito-identity.amazonaws.com"}],
)  # fmt: skip
def test_principals_of_every_usual_form_are_taken(principal):
    assert parse_trust(trust(principal, "sts:*")).statements


@pytest.mark.parametrize(
    ("pattern", "resource", "allowed"),
    [
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/a${?}*", "arn:aws:s3:::b/a?x", True),
        ("arn:aws:s3:::b/a${?}*", "arn:aws:s3:::b/abx", False),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/*/x", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/other/x", False),
    ],
)
def test_a_star_from_a_variable_is_a_star_and_no_wildcard(pattern, resource, allowed):
    ask = Ask(action="s3:GetObject", resource=resource, context={"aws:username": ("*",)})
    assert evaluate(ask, [parse(identity(Resource=pattern))]).allowed is allowed

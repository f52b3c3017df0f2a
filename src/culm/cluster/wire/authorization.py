"""Whether the caller may do what it asks for: its role's policies and the resource's decide before it is done."""

from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

from culm.cluster.store import secrets
from culm.cluster.store.iam import roles
from culm.cluster.store.s3 import bucket_policies
from culm.cluster.wire.actions import Members, Need, Place, needs, referenced_secret
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.arn import arn
from culm.core.model.policies import Ask, Policy, Verdict
from culm.core.model.principals import Principal
from culm.core.model.record import record
from culm.errors import AwsError

DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    "query": ("AccessDenied", 403),
    "query-json": ("AccessDenied", 403),
    "rest-json": ("AccessDeniedException", 403),
    "rest-xml": ("AccessDenied", 403),
    "smithy-rpc-v2-cbor": ("AccessDeniedException", 403),
}
"""By protocol: the code and status of a refusal."""
BECAUSE = {
    "denied by an identity policy": "with an explicit deny in {article} {kind}",
    "denied by a resource policy": "with an explicit deny in a resource-based policy",
    "not allowed": "because no {kind} allows the {action} action",
}
OWN, SESSION, BOUNDARY = "identity-based policy", "session policy", "permissions boundary"
"""The kinds of policies whose lack is told, in AWS's words."""

EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@record
class Attempt:
    """What a caller asks a service to do."""

    service: str
    protocol: str
    operation: str
    members: Members
    source: str | None
    """The caller's address."""


def authorize(db: Connection, principal: Principal, asked: Attempt, place: Place) -> None:
    """Raise the service's AccessDenied, with what is missing, unless the principal may do what is asked."""
    if principal.is_operator:
        return
    service, members = asked.service, asked.members
    required = needs(service, asked.operation, members if isinstance(members, dict) else {}, place)
    if not required:
        return
    own = own_policies(db, principal)
    limits = limiting_policies(db, principal)
    document = policy_of_resource(db, service, members)
    of_resource = [parse(document)] if document else []
    context = circumstances(principal, service, members, place, asked.source)
    for need in required:
        ask = Ask(
            action=need.action,
            resource=need.resource,
            principals=(principal.arn, *([principal.role_arn] if principal.role_arn else ())),
            account=principal.account,
            context=context,
        )
        verdicts = {OWN: evaluate(ask, own, of_resource)} | {kind: evaluate(ask, limits[kind]) for kind in limits}
        for kind, verdict in verdicts.items():
            if not verdict.allowed:
                raise denied(principal, need, because(verdict, kind, need.action), asked.protocol)


def own_policies(db: Connection, principal: Principal) -> list[Policy]:
    """Return the policies that say what a caller may do: its role's; a federated user of the operator has its all."""
    documents = roles.documents(db, principal.role_arn) if principal.role_arn else (EVERYTHING,)
    return [parse(document) for document in documents]


def limiting_policies(db: Connection, principal: Principal) -> dict[str, list[Policy]]:
    """Return policies by kind, SESSION or BOUNDARY: each kind must allow what the caller's own do.

    A bucket or a secret that names the session itself lets it in past the session's policies on AWS, and not here.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    limits = {}
    if principal.session_policies is not None:
        limits[SESSION] = [parse(document) for document in principal.session_policies]
    if principal.role_arn and (boundary := roles.boundary(db, principal.role_arn)) is not None:
        limits[BOUNDARY] = [parse(boundary)]
    return limits


def policy_of_resource(db: Connection, service: str, members: Members) -> str | None:
    """Return the document that a bucket or a secret has of its own."""
    if service == "s3" and members.get("Bucket"):
        return bucket_policies.find(db, members["Bucket"])
    if service == "secretsmanager" and members.get("SecretId"):
        secret = secrets.find(db, str(members["SecretId"]))
        return secret.policy if secret else None
    if service == "ssm" and (named := referenced_secret(members.get("Name"))):
        secret = secrets.find(db, named)
        return secret.policy if secret else None
    return None


def because(verdict: Verdict, kind: str, action: str) -> str:
    """Return why policies of a kind refuse an action, in AWS's words."""
    return BECAUSE[verdict.why].format(article="an" if kind == OWN else "a", kind=kind, action=action)


def denied(principal: Principal, need: Need, why: str, protocol: str) -> AwsError:
    code, status = DENIED[protocol]
    on = "" if need.resource == "*" else f' on resource: "{need.resource}"'
    return AwsError(code, f"User: {principal.arn} is not authorized to perform: {need.action}{on} {why}", status)


def circumstances(
    principal: Principal, service: str, members: Members, place: Place, source: str | None
) -> Mapping[str, tuple[str, ...]]:
    """Return the condition keys. The cluster speaks HTTP on the machine's own addresses, so SecureTransport is false.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    keys: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (principal.role_arn or principal.arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": ("AssumedRole" if principal.role_arn else "FederatedUser",),
        **{f"aws:principaltag/{key.lower()}": (value,) for key, value in principal.tags.items()},
        "aws:userid": (principal.user_id,),
        "aws:securetransport": ("false",),
        "aws:requestedregion": (place.region,),
        "aws:resourceaccount": (place.account,),
    }
    if source is not None:
        keys["aws:sourceip"] = (source,)
    if service == "s3":
        keys |= {
            f"s3:{key}": (str(members[name]),)
            for key, name in (("prefix", "Prefix"), ("delimiter", "Delimiter"), ("versionid", "VersionId"))
            if members.get(name) is not None
        }
    elif service == "ecs":
        keys["iam:passedtoservice"] = ("ecs-tasks.amazonaws.com",)
        if cluster := members.get("cluster"):
            named = str(cluster).rpartition("/")[2]
            keys["ecs:cluster"] = (arn("ecs", place.region, place.account, f"cluster/{named}"),)
    elif service == "application-autoscaling":
        keys |= {
            f"application-autoscaling:{key}": (str(members[name]),)
            for key, name in (("service-namespace", "ServiceNamespace"), ("scalable-dimension", "ScalableDimension"))
            if members.get(name) is not None
        }
    if service != "s3" and (tags := request_tags(members)):
        keys |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()}
        keys["aws:tagkeys"] = tuple(tags)
    return keys


def request_tags(members: Members) -> dict[str, str]:
    given: Any = members.get("tags") or members.get("Tags") or ()
    pairs = [tag for tag in given if isinstance(tag, dict)] if isinstance(given, list) else []
    return {str(t.get("key", t.get("Key", ""))): str(t.get("value", t.get("Value", ""))) for t in pairs}

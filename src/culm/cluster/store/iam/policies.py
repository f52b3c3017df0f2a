"""Managed policies: the account's own, and the few of Amazon's that container tasks are given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from sqlite3 import Connection

import msgspec

from culm.core.model.record import record


@record
class PolicyVersion:
    version_id: str
    document: str
    created_at: float


@record
class ManagedPolicy:
    name: str
    arn: str
    path: str
    id: str
    created_at: float
    """Epoch seconds."""
    document: str
    """The default version's."""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    default_version: str = "v1"
    updated_at: float | None = None
    latest_version: int = 1
    """The number of the newest that ever was: numbers are not used again."""
    other_versions: tuple[PolicyVersion, ...] = ()
    default_since: float | None = None
    """When the default version was made; None: with the policy."""

    @property
    def versions(self) -> tuple[PolicyVersion, ...]:
        """All of them, the default one first."""
        made = self.created_at if self.default_since is None else self.default_since
        default = PolicyVersion(version_id=self.default_version, document=self.document, created_at=made)
        return (default, *self.other_versions)


def _of_amazon(name: str, path: str, *actions: str) -> ManagedPolicy:
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
    return ManagedPolicy(
        name=name,
        arn=f"arn:aws:iam::aws:policy{path}{name}",
        path=path,
        id=f"ANPA{name.upper()[:17]}",
        created_at=0.0,
        document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


AMAZON = {
    policy.arn: policy
    for policy in (
        _of_amazon(
            "AmazonECSTaskExecutionRolePolicy",
            "/service-role/",
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
        _of_amazon("AmazonSSMReadOnlyAccess", "/", "ssm:Describe*", "ssm:Get*", "ssm:List*"),
        _of_amazon("AmazonS3ReadOnlyAccess", "/", "s3:Get*", "s3:List*", "s3:Describe*"),
    )
}

_decode = msgspec.json.Decoder(ManagedPolicy).decode


def find(db: Connection, arn: str) -> ManagedPolicy | None:
    """Return the managed policy of an ARN, Amazon's own among them; None when there is none."""
    if arn in AMAZON:
        return AMAZON[arn]
    row = db.execute("SELECT body FROM iam_policy WHERE arn = ?", (arn,)).fetchone()
    return _decode(row[0]) if row else None


def below(db: Connection, path: str) -> Sequence[ManagedPolicy]:
    """Return the account's own."""
    rows = db.execute("SELECT body FROM iam_policy WHERE substr(path, 1, ?) = ? ORDER BY arn", (len(path), path))
    return [_decode(row[0]) for row in rows]


def save(db: Connection, policy: ManagedPolicy) -> None:
    db.execute(
        "INSERT INTO iam_policy VALUES (?, ?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (policy.arn, policy.path, msgspec.json.encode(policy).decode()),
    )


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM iam_policy WHERE arn = ?", (arn,))


def attached_to(db: Connection, arn: str) -> Sequence[str]:
    """Return the names of the roles that have it."""
    return [row[0] for row in db.execute("SELECT role FROM iam_attachment WHERE policy_arn = ? ORDER BY 1", (arn,))]


def attachments(db: Connection, arn: str) -> int:
    """Return how many roles have it."""
    return int(db.execute("SELECT count(*) FROM iam_attachment WHERE policy_arn = ?", (arn,)).fetchone()[0])

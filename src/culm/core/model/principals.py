"""The principal that a request comes from.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from collections.abc import Mapping
from dataclasses import field

from culm.core.model.arn import ACCOUNT, arn
from culm.core.model.record import record


@record
class Principal:
    arn: str
    """What GetCallerIdentity tells: of a role, the session's."""
    user_id: str
    account: str = ACCOUNT
    role_arn: str | None = None
    """The role whose policies say what it may do; None: the operator, who may do everything."""
    session_policies: tuple[str, ...] | None = None
    """Documents that limit this session: what none of them allows it may not do. None: nothing limits it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The session's, as AssumeRole was given them."""
    transitive_tags: tuple[str, ...] = ()
    """Keys of the tags that sessions which this one makes have, too."""

    @property
    def is_operator(self) -> bool:
        """True of the operator and of its sessions, unless policies limit them."""
        return self.role_arn is None and self.session_policies is None

    @property
    def role_name(self) -> str:
        """The name at the end of the role's ARN, without its path."""
        return (self.role_arn or "").rpartition("/")[2]


def operator(account: str) -> Principal:
    """Return the cluster's owner: the account's root."""
    return Principal(arn=arn("iam", "", account, "root"), user_id=account, account=account)


OPERATOR = operator(ACCOUNT)
"""The owner of a cluster that was started for no account."""


ANONYMOUS = Principal(arn="anonymous", user_id="anonymous", session_policies=())
"""Who sends a request that needs no signature: it may do nothing else."""


def session_arn(role_arn: str, session: str) -> str:
    """Return `arn:aws:sts::<account>:assumed-role/<role>/<session>`."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return arn("sts", "", account, f"assumed-role/{name}/{session}")


def federated_arn(account: str, name: str) -> str:
    """Return `arn:aws:sts::<account>:federated-user/<name>`."""
    return arn("sts", "", account, f"federated-user/{name}")

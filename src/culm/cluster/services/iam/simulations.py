"""What would be allowed: the evaluation that every request goes through, asked without one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from collections.abc import Sequence
from typing import Any

from culm.cluster.services.iam.references import parsed
from culm.cluster.store.iam import roles
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask, Policy
from culm.core.model.record import Stored, record
from culm.errors import AwsError

DECISIONS = {"allowed": "allowed", "not allowed": "implicitDeny"}
"""Every other verdict is an explicit one."""


@record
class ContextEntry:
    context_key_name: str
    context_key_values: tuple[str, ...] = ()
    context_key_type: Stored[str | None] = None


@record
class SimulatePrincipalPolicyInput:
    policy_source_arn: str
    action_names: tuple[str, ...]
    resource_arns: tuple[str, ...] = ("*",)
    policy_input_list: tuple[str, ...] = ()
    context_entries: tuple[ContextEntry, ...] = ()


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call, req: SimulatePrincipalPolicyInput) -> dict[str, Any]:
    """Return what a role's policies, and those given with them, say to each action.

    Raises NoSuchEntity for an unknown role.
    """
    role = roles.find_arn(call.db, req.policy_source_arn)
    if role is None:
        raise AwsError("NoSuchEntity", f"The role with ARN {req.policy_source_arn} cannot be found.", 404)
    own = [*map(parse, roles.documents(call.db, role.arn)), *map(parsed, req.policy_input_list)]
    return {"evaluation_results": results(req.action_names, req.resource_arns, own, req.context_entries)}


@record
class SimulateCustomPolicyInput:
    policy_input_list: tuple[str, ...]
    action_names: tuple[str, ...]
    resource_arns: tuple[str, ...] = ("*",)
    context_entries: tuple[ContextEntry, ...] = ()


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(call: Call, req: SimulateCustomPolicyInput) -> dict[str, Any]:
    """Return what the given policies say to each action."""
    given = [parsed(document) for document in req.policy_input_list]
    return {"evaluation_results": results(req.action_names, req.resource_arns, given, req.context_entries)}


def results(
    actions: Sequence[str], resources: Sequence[str], policies: Sequence[Policy], entries: Sequence[ContextEntry]
) -> list[dict[str, Any]]:
    """Return a decision for each action on each resource; `entries` are the values of condition keys."""
    context = {entry.context_key_name.lower(): entry.context_key_values for entry in entries}
    return [
        {
            "eval_action_name": action,
            "eval_resource_name": resource,
            "eval_decision": DECISIONS.get(
                evaluate(Ask(action=action, resource=resource, context=context), policies).why, "explicitDeny"
            ),
        }
        for action in actions
        for resource in resources
    ]

"""moto's CloudFormation with what it lacks for culm's stack; all else is moto's own judgement.

- It keeps the flag of termination protection, but has no operation that sets it, and deletes regardless.
- It stores a role's inline policy as Python prints it, and forgets a cluster's tags.
- It cannot delete a route table, a managed policy or a cluster that its stacks have made.
- It knows no RetainExceptOnCreate, and no versions of a bucket.
- It knows no drift: here it is seen of log groups.
- It knows no percentiles of metrics: here a middle of few values stands for them.
- It imports nothing: here a change set that is told to adopts buckets and repositories by name, and keys by id.
"""

import json
import re
from typing import Any

import pytest
from botocore.loaders import create_loader
from moto.backends import list_of_moto_modules
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.parsing import ResourceMap, get_model_map
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudwatch.models import Statistics
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.route_tables import RouteTable
from moto.ecr.models import Repository, ecr_backends
from moto.ecs.models import Cluster, ecs_backends
from moto.iam.models import ManagedPolicy, Role
from moto.kms.models import Key, kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import FakeBucket, s3_backends
from tests.amazon.launches import fail_launches
from tests.amazon.refusals import refuse
from tests.amazon.scheduled import ScheduleOfStack


def keep_images(patch: pytest.MonkeyPatch) -> None:
    """Make Amazon's 1,300 machine images once, not whenever an account is emptied: half a second each time."""
    load, kept = AmiBackend._load_amis, dict[str, dict[str, Ami]]()

    def load_once(self: AmiBackend) -> None:
        region: str = self.region_name  # type: ignore[attr-defined]
        if region not in kept:
            load(self)
            kept[region] = self.amis
        self.amis = dict(kept[region])

    patch.setattr(AmiBackend, "_load_amis", load_once)


def keep_models(patch: pytest.MonkeyPatch) -> None:
    """Read botocore's models once, not once a session: the client half makes a session for each target.

    moto's own loader stays apart: it adds to what it reads.
    """
    loader = create_loader()
    patch.setattr("botocore.session.create_loader", lambda *_: loader)


def keep_names(patch: pytest.MonkeyPatch) -> None:
    """List moto's folder once, not for each request."""
    names = frozenset(list_of_moto_modules())
    patch.setattr("moto.backends.list_of_moto_modules", lambda: names)


def complete(patch: pytest.MonkeyPatch) -> None:
    delete_stack, put_policy, create_cluster = (
        CloudFormationResponse.delete_stack,
        Role.put_policy,
        Cluster.create_from_cloudformation_json.__func__,  # type: ignore[attr-defined]
    )

    def protected(self: CloudFormationResponse) -> ActionResult:
        name = self._get_param("StackName")
        if self.cloudformation_backend.get_stack(name).enable_termination_protection:
            raise ValidationError(message=f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")
        return delete_stack(self)

    def as_json(self: Role, policy_name: str, policy_json: Any) -> None:
        put_policy(self, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))

    def tagged(
        cls: type[Cluster],
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **more: Any,
    ) -> Cluster:
        made = create_cluster(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        tags = {tag["Key"]: tag["Value"] for tag in cloudformation_json["Properties"].get("Tags", ())}
        ecs_backends[account_id][region_name].tag_resource(made.arn, tags)
        return made  # type: ignore[no-any-return]

    of_type = Statistics.get_statistics_for_type

    def with_percentiles(self: Statistics, stat: str) -> Any:
        if not re.fullmatch(r"p[\d.]+", stat):
            return of_type(self, stat)
        values = sorted(self.metric_single_values_list)
        return values[len(values) // 2]

    patch.setattr(Statistics, "get_statistics_for_type", with_percentiles)
    keep_images(patch)
    keep_models(patch)
    keep_names(patch)
    patch.setattr(CloudFormationResponse, "update_termination_protection", set_protection, raising=False)
    patch.setattr(CloudFormationResponse, "delete_stack", protected)
    for operation in (detect_stack_drift, describe_stack_drift_detection_status, describe_stack_resource_drifts):
        patch.setattr(CloudFormationResponse, operation.__name__, operation, raising=False)
    assert ScheduleOfStack in get_model_map().values(), "moto has looked for its models before this one was there"
    patch.setattr(Role, "put_policy", as_json)
    patch.setattr(Cluster, "create_from_cloudformation_json", classmethod(tagged))
    patch.setattr(RouteTable, "delete", delete_route_table, raising=False)
    patch.setattr(ManagedPolicy, "delete", delete_managed_policy, raising=False)
    patch.setattr(Cluster, "delete", delete_cluster, raising=False)

    retention(patch)
    adoption(patch)
    refuse(patch)
    fail_launches(patch)


def retention(patch: pytest.MonkeyPatch) -> None:
    """RetainExceptOnCreate, which moto does not know: a stack that was complete leaves such a resource."""
    delete = ResourceMap.delete

    def retained(self: ResourceMap) -> None:
        for body in self._resource_json_map.values():
            if body.get("DeletionPolicy") == "RetainExceptOnCreate":
                body["DeletionPolicy"] = "Retain"
        delete(self)

    patch.setattr(ResourceMap, "delete", retained)


def adoption(patch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html"""
    by_name: list[bool] = [False]
    by_id: dict[str, str] = {}
    create_change_set = CloudFormationResponse.create_change_set
    create_bucket, create_repository, create_key = (
        kind.create_from_cloudformation_json.__func__ for kind in (FakeBucket, Repository, Key)
    )

    def told(self: CloudFormationResponse) -> ActionResult:
        by_name[0] = bool(self._get_bool_param("ImportExistingResources"))
        by_id.clear()
        for one in self._get_param("ResourcesToImport", []):
            by_id[one["LogicalResourceId"]] = one["ResourceIdentifier"]["KeyId"]
        return create_change_set(self)

    def bucket(cls: Any, name: str, body: Any, account_id: str, region_name: str, **more: Any) -> Any:
        there = s3_backends[account_id]["aws"].buckets
        found = there.get(name) if by_name[0] else None
        made = found or create_bucket(cls, name, body, account_id, region_name, **more)
        made.versioning_status = body["Properties"].get("VersioningConfiguration", {}).get("Status")
        return made

    def repository(cls: Any, name: str, body: Any, account_id: str, region_name: str, **more: Any) -> Any:
        there = ecr_backends[account_id][region_name].repositories
        found = there.get(body["Properties"]["RepositoryName"]) if by_name[0] else None
        return found or create_repository(cls, name, body, account_id, region_name, **more)

    def key(cls: Any, name: str, body: Any, account_id: str, region_name: str, **more: Any) -> Any:
        if (known := by_id.get(more["LogicalId"])) is not None:
            return kms_backends[account_id][region_name].keys[known]
        made = create_key(cls, name, body, account_id, region_name, **more)
        made.policy = json.dumps(made.policy)  # which DescribeKey looks at
        return made

    patch.setattr(CloudFormationResponse, "create_change_set", told)
    patch.setattr(FakeBucket, "create_from_cloudformation_json", classmethod(bucket))
    patch.setattr(Repository, "create_from_cloudformation_json", classmethod(repository))
    patch.setattr(Key, "create_from_cloudformation_json", classmethod(key))


def set_protection(self: CloudFormationResponse) -> ActionResult:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})


def delete_route_table(self: RouteTable, account_id: str, region_name: str) -> None:
    for association in list(self.associations):
        self.ec2_backend.disassociate_route_table(association)
    ec2_backends[account_id][region_name].delete_route_table(self.id)


def delete_cluster(self: Cluster, account_id: str, region_name: str) -> None:
    ecs_backends[account_id][region_name].delete_cluster(self.name)


def delete_managed_policy(self: ManagedPolicy, account_id: str, region_name: str) -> None:
    self.backend.managed_policies.pop(self.arn)


def detect_stack_drift(self: CloudFormationResponse) -> ActionResult:
    self.cloudformation_backend.get_stack(self._get_param("StackName"))
    return ActionResult({"StackDriftDetectionId": "1"})


def describe_stack_drift_detection_status(self: CloudFormationResponse) -> ActionResult:
    return ActionResult({"StackId": "", "StackDriftDetectionId": "1", "DetectionStatus": "DETECTION_COMPLETE"})


def describe_stack_resource_drifts(self: CloudFormationResponse) -> ActionResult:
    """Of log groups alone: gone, or with another retention."""
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack._parse_template()  # it reads a change set's template only when it needs to
    there = logs_backends[stack.account_id][stack.region_name].groups
    drifts = []
    for name, body in stack.template_dict["Resources"].items():
        if body["Type"] != "AWS::Logs::LogGroup":
            continue
        wanted = body["Properties"]
        group = there.get(wanted["LogGroupName"])
        drift = {"StackId": stack.stack_id, "LogicalResourceId": name, "ResourceType": body["Type"]}
        if group is None:
            drifts.append(drift | {"StackResourceDriftStatus": "DELETED"})
        elif group.retention_in_days != wanted["RetentionInDays"]:
            change = {
                "PropertyPath": "/RetentionInDays",
                "ExpectedValue": str(wanted["RetentionInDays"]),
                "ActualValue": str(group.retention_in_days),
                "DifferenceType": "NOT_EQUAL",
            }
            drifts.append(drift | {"StackResourceDriftStatus": "MODIFIED", "PropertyDifferences": [change]})
    return ActionResult({"StackResourceDrifts": drifts})

"""Auto scaling groups whose launches fail, as Amazon's do, with what moto has not: a group's activities.

Set an account's `launch_failure` to one of FAILURES: its groups start nothing, write down why, and try again each time
that they are looked at; as soon as it is empty, the instances start.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

FAILED = "Launching EC2 instance failed."
FAILURES = {
    "not offered": f"Your requested instance type (t2.micro) is not supported in your requested Availability Zone "
    f"(us-east-1e). Please retry your request by not specifying an Availability Zone or choosing us-east-1a. {FAILED}",
    "not eligible": f"The specified instance type is not eligible for Free Tier. For a list of Free Tier instance "
    f"types, run 'describe-instance-types' with the filter 'free-tier-eligible=true'. {FAILED}",
    "capacity": f"We currently do not have sufficient t2.micro capacity in the Availability Zone you requested "
    f"(us-east-1a). Our system will be working on provisioning additional capacity. {FAILED}",
    "quota": f"You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket "
    f"that the specified instance type belongs to. {FAILED}",
    "image": f"The image id '[ami-0123456789abcdef0]' does not exist. {FAILED}",
}
"""Kinds of failure, and what is said of each."""


def fail_launches(patch: pytest.MonkeyPatch) -> None:
    """Put the failures before moto's launches."""
    launch, describe = (
        FakeAutoScalingGroup.replace_autoscaling_group_instances,
        AutoScalingBackend.describe_auto_scaling_groups,
    )

    def launched(self: FakeAutoScalingGroup, count_needed: int, propagated_tags: dict[str, str]) -> None:
        failure = getattr(self.autoscaling_backend, "launch_failure", "")
        written(self, "Failed" if failure else "Successful", failure)
        if not failure:
            launch(self, count_needed, propagated_tags)

    def described(self: AutoScalingBackend, *arguments: Any, **named: Any) -> Any:
        for group in self.autoscaling_groups.values():
            group.set_desired_capacity(group.desired_capacity)  # it tries again by itself
        return describe(self, *arguments, **named)

    def activities(self: AutoScalingResponse) -> ActionResult:
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        return ActionResult({"Activities": list(reversed(getattr(group, "activities", [])))})

    patch.setattr(FakeAutoScalingGroup, "replace_autoscaling_group_instances", launched)
    patch.setattr(AutoScalingBackend, "describe_auto_scaling_groups", described)
    patch.setattr(AutoScalingResponse, "describe_scaling_activities", activities)


def written(group: Any, status: str, message: str) -> None:
    """Write down one attempt of a group."""
    group.activities = getattr(group, "activities", [])
    group.activities.append(
        {
            "ActivityId": str(len(group.activities)),
            "AutoScalingGroupName": group.name,
            "Description": "Launching a new EC2 instance",
            "Cause": "an instance was started in response to a difference between desired and actual capacity",
            "StartTime": datetime.now(UTC),
            "StatusCode": status,
            "StatusMessage": message,
        }
    )

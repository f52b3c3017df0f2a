"""Looks at a stack that is there; nothing is changed."""

import time
from collections.abc import Sequence

from culm.aws import difference, facts, instances, stack
from culm.aws.difference import Difference
from culm.aws.document import read
from culm.aws.template import body, stack_name
from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.polling import intervals

DRIFT_SECONDS = 600.0
DRIFTED = ["MODIFIED", "DELETED"]


def as_wanted(target: Target, project: Project) -> bool:
    """Tell whether the stack's template means what culm.yml says; comments and layout do not count."""
    return not differences(target, project)


def differences(target: Target, project: Project) -> list[Difference]:
    """Compare the templates alone: what was changed by hand in a resource is `drift`'s to tell."""
    wanted = read(body(stack.wanted_template(target, project)))
    return difference.templates(wanted, stack.live_template(target, project))


def drift(target: Target, project: Project) -> list[Difference]:
    """Return what was changed by hand. CloudFormation looks at each resource, which takes up to a minute."""
    client = target.client("cloudformation")
    detection = client.detect_stack_drift(StackName=stack_name(project))["StackDriftDetectionId"]
    started = time.monotonic()
    for pause in intervals(0.5, 5.0):
        detected = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if detected["DetectionStatus"] == "DETECTION_COMPLETE":
            break
        if detected["DetectionStatus"] == "DETECTION_FAILED":
            reason = detected.get("DetectionStatusReason", "")
            raise CulmError(f"CloudFormation cannot tell drift: {reason}", "--no-drift leaves it out")
        if time.monotonic() - started > DRIFT_SECONDS:
            raise TimedOut("CloudFormation still looks for drift", "--no-drift leaves it out")
        time.sleep(pause)
    return [each for each in difference.drifts(drifted(target, project)) if not difference.of_sleep(each)]


def drifted(target: Target, project: Project) -> Sequence[Described]:
    """Return the stack's resources that were changed or deleted by hand. The stack must have been looked at."""
    client = target.client("cloudformation")
    name, token, drifts = stack_name(project), "", list[Described]()
    while True:
        more = {"NextToken": token} if token else {}
        answer = client.describe_stack_resource_drifts(StackName=name, StackResourceDriftStatusFilters=DRIFTED, **more)
        drifts += answer["StackResourceDrifts"]
        if not (token := answer.get("NextToken", "")):
            return drifts


def newer_image(target: Target, live: Described) -> str | None:
    """Return Amazon's current image where the instances' is an older one; `culm aws refresh` takes it."""
    current = facts.newest_image(target, target.settings)
    return current if current != facts.in_force(live).get(instances.image_parameter(target.settings)) else None

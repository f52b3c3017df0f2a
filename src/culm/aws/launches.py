"""Why an instance does not start, in the words of EC2 Auto Scaling, and what to try. Pure.

The same words come twice: as a failed activity of the auto scaling group, which tries again by itself, and, where
CloudFormation waited for the group, as the cause of a stack that could not be made.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
"""

from collections.abc import Sequence

from culm.plan.observed import Described

QUOTA = "the account's limit for instances of this kind: Service Quotas raises it, or smaller or fewer `instances:`"
ELSEWHERE = "another instance type, or `subnets:` in zones that have it"
GONE = "the image is gone: culm aws refresh takes Amazon's current one"
HINTS = (
    ("not eligible for Free Tier", "new accounts on the free plan do not start t2.micro: instances: 2 x t3.micro"),
    ("do not have sufficient", "AWS has none of this type there now: another instance type, or try again later"),
    ("not supported in your requested Availability Zone", ELSEWHERE),
    ("configuration is currently not supported", ELSEWHERE),
    ("vCPU", QUOTA),
    ("instance limit", QUOTA),
    ("Max spot instance count exceeded", "the account's limit of spot instances: Service Quotas raises it"),
    ("There is no Spot capacity", "AWS has no spot capacity of this type now: another instance type, or `spot: false`"),
    ("The image id", GONE),
    ("The image ID", GONE),
    ("The AMI ID", GONE),
    ("not authorized", "give the account's role AWSServiceRoleForAutoScaling this right"),
    (
        "Client error on launch",
        "instances' disks are encrypted: may the account's key for EBS be used by Auto Scaling?",
    ),
)
"""Words of failed activities, and what to do."""


def hint(reason: str) -> str:
    """Return what to try for a failed launch; empty where its words are not known."""
    return next((advice for words, advice in HINTS if words in reason), "")


def failure(activities: Sequence[Described]) -> str | None:
    """Return why the newest attempt to start an instance failed; None where it did not, or goes on.

    `activities` are DescribeScalingActivities', the newest first; one that was cancelled says nothing.
    """
    for activity in activities:
        if activity["StatusCode"] == "Failed":
            return str(activity.get("StatusMessage") or activity.get("Cause", "no reason was given"))
        if activity["StatusCode"] != "Cancelled":
            return None
    return None

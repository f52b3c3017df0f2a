"""Whether a bucket takes the access logs of a load balancer: its policy has to let Elastic Load Balancing write them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
"""

from collections.abc import Mapping

from culm.cluster.store.s3 import bucket_policies, buckets
from culm.cluster.wire.operations import Call
from culm.core.decide.policies import applies, is_for
from culm.core.decide.policy_documents import Malformed, parse
from culm.core.model.policies import Ask
from culm.errors import AwsError

_SERVICE = "logdelivery.elasticloadbalancing.amazonaws.com"
_ACCOUNTS: Mapping[str, str] = {
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
}
"""Amazon's own accounts of Elastic Load Balancing, by which older regions' buckets name it."""


def check(call: Call, values: Mapping[str, str]) -> None:
    """Raise InvalidConfigurationRequest where access logs are on and their bucket would not take them.

    `values` are all attributes of a load balancer.
    """
    if values["access_logs.s3.enabled"] != "true":
        return
    name, prefix = values["access_logs.s3.bucket"], values["access_logs.s3.prefix"]
    if not name:
        raise AwsError("InvalidConfigurationRequest", "The value of 'access_logs.s3.bucket' cannot be empty")
    if prefix.startswith("/") or prefix.endswith("/") or "AWSLogs" in prefix:
        raise AwsError(
            "InvalidConfigurationRequest",
            f"access_logs.s3.prefix cannot be '{prefix}': it may not begin or end with a slash, nor have AWSLogs in it",
        )
    if buckets.find(call.db, name) is None or not _allowed(call, name, prefix):
        raise AwsError(
            "InvalidConfigurationRequest", f"Access Denied for bucket: {name}. Please check S3bucket permission"
        )


def _allowed(call: Call, bucket: str, prefix: str) -> bool:
    document = bucket_policies.find(call.db, bucket)
    if document is None:
        return False
    try:
        statements = parse(document).statements
    except Malformed:
        return False
    account = _ACCOUNTS.get(call.region, "")
    where = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
    ask = Ask(
        action="s3:PutObject",
        resource=f"arn:aws:s3:::{bucket}/{where}/{call.account}/ELBAccessLogTestFile",
        principals=(_SERVICE, account, f"arn:aws:iam::{account}:root"),
        account=account,
        context={
            "s3:x-amz-acl": ("bucket-owner-full-control",),
            "aws:sourceaccount": (call.account,),
            "aws:securetransport": ("true",),
        },
    )
    effects = [statement.effect for statement in statements if applies(statement, ask) and is_for(statement, ask)]
    return "Deny" not in effects and "Allow" in effects

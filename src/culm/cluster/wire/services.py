"""The AWS services whose requests are understood, and how a request shows which it is for."""

from culm.cluster.wire.form import fields
from culm.cluster.wire.http import Request
from culm.cluster.wire.sigv4 import Signature
from culm.core.model.record import record
from culm.errors import AwsError


@record
class Served:
    """What tells a service's requests apart, and what it calls a request that does not validate."""

    name: str
    """botocore's name, and the folder in `cloud`."""
    signing_name: str
    invalid: str
    """The error code for a member that is wrong, missing or not supported here."""
    missing: str = ""
    """The code for a member that is missing, where that is another one."""
    quotes_constraints: bool = False
    """Whether it says `Invalid parameter at 'member' failed to satisfy constraint: '...'`, as ECR does."""
    unserved: str = "NotImplementedException"
    """The code for an operation of Amazon's that is not served here."""
    target: str = ""
    """What stands before the dot in X-Amz-Target."""
    version: str = ""
    """The API version of Query requests."""


SERVICES = {
    served.name: served
    for served in (
        Served(name="acm", signing_name="acm", invalid="ValidationException", target="CertificateManager"),
        Served(
            name="application-autoscaling",
            signing_name="application-autoscaling",
            invalid="ValidationException",
            target="AnyScaleFrontendService",
        ),
        Served(name="autoscaling", signing_name="autoscaling", invalid="ValidationError", version="2011-01-01"),
        Served(name="cloudformation", signing_name="cloudformation", invalid="ValidationError", version="2010-05-15"),
        Served(
            name="cloudwatch",
            signing_name="monitoring",
            invalid="InvalidParameterValue",
            missing="MissingParameter",
            target="GraniteServiceVersion20100801",
            version="2010-08-01",
        ),
        Served(
            name="ec2",
            signing_name="ec2",
            invalid="InvalidParameterValue",
            missing="MissingParameter",
            version="2016-11-15",
        ),
        Served(
            name="ecr",
            signing_name="ecr",
            invalid="InvalidParameterException",
            quotes_constraints=True,
            target="AmazonEC2ContainerRegistry_V20150921",
        ),
        Served(
            name="ecs",
            signing_name="ecs",
            invalid="InvalidParameterException",
            target="AmazonEC2ContainerServiceV20141113",
        ),
        Served(
            name="elasticache",
            signing_name="elasticache",
            invalid="InvalidParameterValue",
            missing="MissingParameter",
            version="2015-02-02",
        ),
        Served(name="elbv2", signing_name="elasticloadbalancing", invalid="ValidationError", version="2015-12-01"),
        Served(name="iam", signing_name="iam", invalid="ValidationError", version="2010-05-08"),
        Served(name="kms", signing_name="kms", invalid="ValidationException", target="TrentService"),
        Served(name="logs", signing_name="logs", invalid="InvalidParameterException", target="Logs_20140328"),
        Served(
            name="rds",
            signing_name="rds",
            invalid="InvalidParameterValue",
            missing="MissingParameter",
            version="2014-10-31",
        ),
        Served(
            name="s3",
            signing_name="s3",
            invalid="InvalidArgument",
            missing="InvalidRequest",
            unserved="NotImplemented",
        ),
        Served(name="scheduler", signing_name="scheduler", invalid="ValidationException"),
        Served(
            name="secretsmanager",
            signing_name="secretsmanager",
            invalid="InvalidParameterException",
            target="secretsmanager",
        ),
        Served(name="ssm", signing_name="ssm", invalid="ValidationException", target="AmazonSSM"),
        Served(name="sts", signing_name="sts", invalid="ValidationError", version="2011-06-15"),
    )
}

_BY_SIGNING_NAME = {served.signing_name: served for served in SERVICES.values()}
_BY_TARGET = {served.target: served for served in SERVICES.values() if served.target}
_BY_VERSION = {served.version: served for served in SERVICES.values() if served.version}


def addressed(request: Request, signature: Signature | None) -> Served:
    """Return the service that a request is for: by its signature, else by the target or API version that it names.

    What carries neither can only be S3, whose requests may be plain GETs.
    """
    if signature is not None:
        served = _BY_SIGNING_NAME.get(signature.service)
        what = f"signed for {signature.service}"
    elif target := request.headers.get("x-amz-target"):
        served = _BY_TARGET.get(target.partition(".")[0])
        what = f"with X-Amz-Target {target}"
    elif request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        served = _BY_TARGET.get(request.path.removeprefix("/service/").partition("/")[0])
        what = f"to {request.path}"
    elif "Action" in (form := fields(request)):
        served = _BY_VERSION.get(form.get("Version", ""))
        what = f"for {form['Action']} of API version {form.get('Version', '(none)')}"
    else:
        return SERVICES["s3"]
    if served is None:
        raise AwsError("NotImplementedException", f"culm does not serve requests {what}", 501)
    return served

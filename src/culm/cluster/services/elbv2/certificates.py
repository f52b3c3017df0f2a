"""What an HTTPS listener has besides: its certificates and its security policy.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from culm.cluster.services.elbv2 import ssl_policies
from culm.cluster.services.elbv2.references import find_listener
from culm.cluster.store import certificates
from culm.cluster.store.elbv2 import listeners
from culm.cluster.wire.operations import Call, operation
from culm.core.model.load_balancers import Listener
from culm.core.model.record import record
from culm.errors import AwsError

MOST_CERTIFICATES = 25
"""Besides the default one: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""


@record
class ListenerCertificate:
    certificate_arn: str


def with_tls(call: Call, listener: Listener, ssl_policy: str | None, given: Sequence[ListenerCertificate]) -> Listener:
    """Return the listener with this policy and default certificate, or with those that it has.

    An HTTP listener has neither. Raises ValidationError where one is given to it or an HTTPS listener has no
    certificate, CertificateNotFound and SSLPolicyNotFound.
    """
    if listener.protocol == "HTTP":
        if ssl_policy or given:
            what = "A certificate" if given else "An SSL policy"
            raise AwsError("ValidationError", f"{what} cannot be specified for HTTP listeners")
        return replace(listener, certificates=(), ssl_policy=None)
    if len(given) > 1:
        raise AwsError("TooManyCertificates", "You can specify only one certificate: add the others afterwards")
    own = listener.certificates
    if given:
        default = _there(call, given[0].certificate_arn)
        own = (default, *own[1:])
    if not own:
        raise AwsError("ValidationError", "A certificate must be specified for HTTPS listeners")
    policy = ssl_policies.checked(ssl_policy) if ssl_policy else listener.ssl_policy or ssl_policies.DEFAULT
    return replace(listener, certificates=own, ssl_policy=policy)


def tls_view(listener: Listener) -> dict[str, Any]:
    """Return what DescribeListeners shows of HTTPS: its default certificate and its policy."""
    if listener.protocol == "HTTP":
        return {}
    return {
        "certificates": [{"certificate_arn": arn} for arn in listener.certificates[:1]],
        "ssl_policy": listener.ssl_policy,
        "mutual_authentication": {"mode": "off"},
    }


@record
class ListenerCertificatesInput:
    listener_arn: str
    certificates: tuple[ListenerCertificate, ...]


@operation("elbv2", "AddListenerCertificates", wakes=True)
def add_listener_certificates(call: Call, req: ListenerCertificatesInput) -> dict[str, Any]:
    """Let a listener answer for more domains. Raises CertificateNotFound, TooManyCertificates."""
    listener = _https(call, req.listener_arn)
    added = [_there(call, each.certificate_arn) for each in req.certificates]
    default, *others = listener.certificates
    others = list(dict.fromkeys((*others, *added)))
    if len(others) > MOST_CERTIFICATES:
        raise AwsError("TooManyCertificates", f"A listener can have {MOST_CERTIFICATES} certificates besides its own")
    listeners.save(call.db, replace(listener, certificates=(default, *others)))
    return {"certificates": [{"certificate_arn": arn, "is_default": False} for arn in added]}


@operation("elbv2", "RemoveListenerCertificates", wakes=True)
def remove_listener_certificates(call: Call, req: ListenerCertificatesInput) -> None:
    """Let a listener answer for fewer domains. Raises OperationNotPermitted for its default certificate."""
    listener = _https(call, req.listener_arn)
    gone = {each.certificate_arn for each in req.certificates}
    default, *others = listener.certificates
    if default in gone and default not in others:
        raise AwsError("OperationNotPermitted", "Default certificate cannot be removed")
    own = (default, *(arn for arn in others if arn not in gone))
    listeners.save(call.db, replace(listener, certificates=own))


@record
class DescribeListenerCertificatesInput:
    listener_arn: str


@operation("elbv2", "DescribeListenerCertificates")
def describe_listener_certificates(call: Call, req: DescribeListenerCertificatesInput) -> dict[str, Any]:
    """Return a listener's certificates, the default one first; an HTTP listener has none.

    A default one that was added, too, is there twice.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListenerCertificates.html
    """
    own = find_listener(call, req.listener_arn).certificates
    return {"certificates": [{"certificate_arn": arn, "is_default": n == 0} for n, arn in enumerate(own)]}


def _https(call: Call, reference: str) -> Listener:
    listener = find_listener(call, reference)
    if listener.protocol == "HTTP":
        raise AwsError("ValidationError", "Certificates cannot be specified for HTTP listeners")
    return listener


def _there(call: Call, reference: str) -> str:
    if certificates.find(call.db, reference) is None:
        raise AwsError("CertificateNotFound", f"Certificate '{reference}' not found")
    return reference

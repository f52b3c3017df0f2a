"""Security policies: which versions of TLS a listener takes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
"""

from typing import Any

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

DEFAULT = "ELBSecurityPolicy-2016-08"
"""What CreateListener takes where nothing is said."""
VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_OLD = VERSIONS[:3]
_NEW = VERSIONS[2:]
POLICIES = {
    **{f"ELBSecurityPolicy-{name}": _OLD for name in ("2016-08", "2015-05", "TLS-1-0-2015-04", "FS-2018-06")},
    **{f"ELBSecurityPolicy-{name}": VERSIONS[1:3] for name in ("TLS-1-1-2017-01", "FS-1-1-2019-08")},
    **{
        f"ELBSecurityPolicy-{name}": VERSIONS[2:3]
        for name in ("TLS-1-2-2017-01", "TLS-1-2-Ext-2018-06", "FS-1-2-2019-08", "FS-1-2-Res-2019-08")
    },
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": VERSIONS[2:3],
    **{
        f"ELBSecurityPolicy-TLS13-1-2-{name}": _NEW
        for name in ("2021-06", "Res-2021-06", "Ext1-2021-06", "Ext2-2021-06", "PQ-2025-09", "Res-PQ-2025-09")
    },
    "ELBSecurityPolicy-TLS13-1-3-2021-06": VERSIONS[3:],
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09": VERSIONS[3:],
    "ELBSecurityPolicy-TLS13-1-1-2021-06": VERSIONS[1:],
    "ELBSecurityPolicy-TLS13-1-0-2021-06": VERSIONS,
}
"""With the versions that each takes."""
CIPHERS = {
    "TLSv1.3": ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"),
    "TLSv1.2": (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
}
"""What clients of today choose from, in a policy with this version; older ones are not listed, and not refused."""


def checked(name: str) -> str:
    """Return the name of a policy. Raises SSLPolicyNotFound."""
    if name not in POLICIES:
        raise AwsError("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    return name


@record
class DescribeSSLPoliciesInput:
    names: tuple[str, ...] = ()
    load_balancer_type: str = "application"


@operation("elbv2", "DescribeSSLPolicies")
def describe_ssl_policies(call: Call, req: DescribeSSLPoliciesInput) -> dict[str, Any]:
    """Return policies by name, or all. Raises SSLPolicyNotFound."""
    names = [checked(name) for name in dict.fromkeys(req.names)] or list(POLICIES)
    return {
        "ssl_policies": [
            {
                "name": name,
                "ssl_protocols": POLICIES[name],
                "ciphers": [
                    {"name": cipher, "priority": priority}
                    for priority, cipher in enumerate(
                        (c for version in reversed(POLICIES[name]) for c in CIPHERS.get(version, ())), 1
                    )
                ],
                "supported_load_balancer_types": ["application", "network"],
            }
            for name in names
        ]
    }

"""How a load balancer speaks TLS with targets."""

import ssl
from functools import cache


@cache
def context(protocol: str) -> ssl.SSLContext:
    """Return the settings of a connection on which `protocol`, such as `h2`, is offered.

    Whatever certificate the target shows is taken, as AWS's load balancers do.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols([protocol])
    return made

"""Addresses of the link alone, such as 169.254.169.254, where a cloud's machine finds its own keys.

Nothing that a task, an image or a webhook names is fetched from there: it would be asked with the rights of the machine
that culm runs on. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

import ipaddress
import socket


def is_link_local(host: str) -> bool:
    """Return whether a host is a link-local address, in any writing that the system's resolver takes for one.

    `[fe80::1]`, `::ffff:169.254.169.254`, and IPv4's other writings (`0xa9fea9fe`, `2852039166`, `169.254.43518`)
    count. False for names: what they lead to is not known before they are resolved.
    """
    text = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(text))
        except OSError:
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local

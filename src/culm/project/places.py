"""The small languages of an aws target's values: ids, ARNs, addresses. What AWS would refuse late is refused here."""

import ipaddress
import re
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from culm.core.decide.office_hours import parse_hours

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


def matching(text: str, pattern: str, otherwise: str) -> str:
    """Return `text` if it has this form. Raises ValueError that it is `otherwise`."""
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{text!r} is {otherwise}")
    return text


def account(text: str) -> str:
    """Return the id of an AWS account. Raises ValueError."""
    return matching(text, r"\d{12}", "no account: it has 12 digits (in quotes, if it begins with 0)")


def role(text: str) -> str:
    """Return the ARN of a role. Raises ValueError."""
    return matching(
        text,
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
        "no role's ARN, such as arn:aws:iam::123456789012:role/deploy",
    )


def email(text: str) -> str:
    """Return an e-mail address. Raises ValueError."""
    return matching(text, r"[^@\s]+@[^@\s]+\.[^@\s]+", "no e-mail address")


def secret_name(text: str) -> str:
    """Return the name of a secret of Secrets Manager. Raises ValueError."""
    return matching(
        text,
        r"[A-Za-z0-9/_+=.@-]{1,512}",
        "no secret's name: put the URL into Secrets Manager, and write the secret's name here",
    )


def vpc(text: str) -> str:
    """Return `default` or a VPC's id. Raises ValueError."""
    return matching(text, r"default|vpc-[0-9a-f]+", "no network: write default, or a VPC's id such as vpc-0a1b2c3d")


def subnet(text: str) -> str:
    return matching(text, r"subnet-[0-9a-f]+", "no subnet's id, such as subnet-0a1b2c3d")


def cidr(text: str) -> str:
    """Return a block of IPv4 addresses by its own first one: what a security group takes."""
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError:
        raise ValueError(f"{text!r} is no block of IPv4 addresses, such as 203.0.113.0/24 or 203.0.113.7/32") from None


def domain(text: str) -> str:
    """Return a domain in lower case. Raises ValueError."""
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    return matching(text, rf"({label}\.)+[a-z]{{2,63}}", "no domain, such as staging.example.com, in lower case")


def certificate(text: str) -> str:
    return matching(
        text, r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]+", "no ARN of an ACM certificate"
    )


def zone(text: str) -> str:
    """Return the id of a Route 53 hosted zone. Raises ValueError."""
    return matching(text, r"Z[A-Z0-9]{1,31}", "no hosted zone's id, such as Z0123456789ABCDEF")


def github(text: str) -> str:
    """Return `owner/name` of a repository. Raises ValueError."""
    return matching(text, r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "no repository: write owner/name")


def gitlab(text: str) -> str:
    """Return `group/name` of a project on gitlab.com, with its subgroups. Raises ValueError."""
    return matching(text, r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)+", "no project of gitlab.com: write group/name")


def environment(text: str) -> str:
    return matching(text, r"[A-Za-z0-9._ -]{1,255}", "no name of an environment, such as production")


def rds_class(text: str) -> str:
    return matching(text, r"db\.[a-z0-9]+\.[a-z0-9]+", "no class of RDS instances, such as db.t4g.micro")


def efs(text: str) -> str:
    return matching(text, r"fs-[0-9a-f]{8,40}", "not a file system's id, such as fs-0123456789abcdef0")


def cache_node(text: str) -> str:
    return matching(text, r"cache\.[a-z0-9]+\.[a-z0-9]+", "no node type, such as cache.t4g.micro")


_TAG_TEXT = re.compile(r"[\w .:/=+@-]{1,128}")
"""What a tag of ECS may hold: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"""


def ignored(text: str) -> str:
    """Return a part of a User-Agent, or how a path begins, unchanged; raise ValueError for what no tag can hold."""
    if not _TAG_TEXT.fullmatch(text) or text != text.strip():
        raise ValueError(f"{text!r}: letters, digits, spaces and . : / = + @ - _ alone, 128 at most")
    return text


def hours(text: str) -> str:
    """Return office hours as they are always written.

    Raises ValueError for what says none, and for an unknown time zone.
    """
    parsed = parse_hours(text)
    try:
        ZoneInfo(parsed.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{parsed.zone!r} is no time zone that this machine knows: such as Europe/Berlin") from None
    return str(parsed)


def day(text: str) -> str:
    """Return a date as it was written. Raises ValueError for a day that no calendar has."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is no date: 2026-12-25") from None

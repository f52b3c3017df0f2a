"""What the load balancer gets from a service's health page, for people: the code, where it asks, how the answer begins.

AWS tells the code alone, in the target's health and in an event of the service. Where the target is on this machine its
page can be asked for the rest.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from culm.project.project import Service
from culm.target.connection import Target

SECONDS = 2.0
LONGEST = 120
"""Characters of an answer's first line that are shown."""
EVENT = re.compile(
    r"\(port (?P<port>\d+)\) is unhealthy in \(target-group [^)]*\) due to \(reason (?P<reason>.*?)\)?\.?$", re.DOTALL
)
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html"""


def answer(target: Target, service: Service, instance: str, port: int) -> dict[str, Any]:
    """What the page answers now: `address`, `status` and `begins`; empty where it cannot be asked from here."""
    if target.settings.provider != "local":
        return {}
    import httpx2

    address = address_of(target, instance)
    if address is None:
        return {}
    asked = {"address": address}
    with suppress(httpx2.HTTPError):
        page = httpx2.get(f"http://{address}:{port}{service.health}", timeout=SECONDS, trust_env=False)
        lines = [line.strip() for line in page.text.splitlines() if line.strip()]
        return asked | {"status": page.status_code, "begins": lines[0][:LONGEST] if lines else ""}
    return asked


def address_of(target: Target, instance: str) -> str | None:
    """An instance's own address; None when it is gone."""
    from botocore.exceptions import ClientError

    with suppress(ClientError):
        found = target.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        return next((i.get("PrivateIpAddress") for r in found for i in r["Instances"]), None)
    return None


def lines(service: Service, ill: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> list[str]:
    """`GET /web/health on 127.9.1.2:32768: Health checks failed with these codes: [404]`, and how the answer began."""
    seen: dict[str, None] = {}
    for target in ill:
        where = f"{target.get('address') or target['Target']['Id']}:{target['Target'].get('Port', '')}"
        health = target["TargetHealth"]
        why = health.get("Description") or health.get("Reason") or "it is unhealthy"
        seen[f"GET {service.health} on {where}: {why}"] = None
        if target.get("begins"):
            seen[f"its answer begins: {target['begins']}"] = None
    if not seen:
        for event in events:
            if found := EVENT.search(event["message"]):
                seen[f"GET {service.health} on port {found['port']}: {found['reason']}"] = None
    return list(seen)[:4]

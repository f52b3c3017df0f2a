"""What the load balancer gets from a service's health page, for people: the code, where it asks, how the answer begins.

AWS tells the code alone, in the target's health and in an event of the service. Where the target is on this machine its
page can be asked for the rest.
"""

import html
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from culm.project.project import Service
from culm.target.connection import Target

SECONDS = 2.0
ASKED = {
    "refused": ", nobody listens there",
    "garbled": ", what answers there is not HTTP",
    "closed": ", the connection is closed without an answer",
}
"""What asking the page itself showed."""
LONGEST = 120
"""Characters of an answer's first line that are shown."""
EVENT = re.compile(
    r"\(port (?P<port>\d+)\) is unhealthy in \(target-group [^)]*\) due to \(reason (?P<reason>.*?)\)?\.?$", re.DOTALL
)
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html"""


def answer(target: Target, service: Service, instance: str, port: int) -> dict[str, Any]:
    """Return what the page answers now: `address`, `status` and `begins`; empty where it cannot be asked from here."""
    if target.settings.provider != "local":
        return {}
    import httpx2

    address = address_of(target, instance)
    if address is None:
        return {}
    asked: dict[str, Any] = {"address": address}
    try:
        page = httpx2.get(f"http://{address}:{port}{service.health}", timeout=SECONDS, trust_env=False)
        return asked | {"status": page.status_code, "begins": beginning(page.text)}
    except httpx2.ConnectError:
        return asked | {"refused": True}
    except httpx2.RemoteProtocolError as error:
        return asked | (
            {"garbled": True} if "illegal" in str(error) else {"closed": True}
        )  # no status line, or nothing
    except httpx2.ReadError:
        return asked | {"closed": True}
    except httpx2.HTTPError:
        return asked


def beginning(text: str) -> str:
    """Return the first line of an answer; of an HTML page its title, which is where an error's page has the error."""
    if title := re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE):
        value = re.search(r"<pre class=\"exception_value\">(.*?)</pre>", text, re.DOTALL)  # Django's own error page
        shown = title[1] + (f": {value[1]}" if value else "")
        return html.unescape(" ".join(shown.split()))[:LONGEST]
    return next((line.strip()[:LONGEST] for line in text.splitlines() if line.strip()), "")


def address_of(target: Target, instance: str) -> str | None:
    """Return an instance's own address; None when it is gone."""
    from botocore.exceptions import ClientError

    with suppress(ClientError):
        reservations = target.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        return next((i.get("PrivateIpAddress") for r in reservations for i in r["Instances"]), None)
    return None


def lines(service: Service, ill: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return why pages are not healthy, and how the answer began.

    `GET /web/health on 127.9.1.2:32768: Health checks failed with these codes: [404]`.

    `ill` are targets that were not healthy when they were described last: often that was before the load balancer had
    made up its mind, and then an event of the service, by its port, says why.
    """
    matches = [match for event in reversed([*events]) if (match := EVENT.search(event["message"]))]
    reasons = {int(match["port"]): match["reason"] for match in matches}
    shown: dict[str, None] = {}
    for target in ill:
        port = int(target["Target"].get("Port", 0))
        health = target["TargetHealth"]
        why = health.get("Description") if health["State"] == "unhealthy" else reasons.pop(port, None)
        if why is None and "status" in target:
            why = f"it answers {target['status']}"
        asked = next((words for key, words in ASKED.items() if target.get(key)), "")
        if why is None and asked:
            why = "no answer"
        if why is None:
            continue
        why += asked
        shown[f"GET {service.health} on {target.get('address') or target['Target']['Id']}:{port}: {why}"] = None
        if target.get("begins"):
            shown[f"its answer begins: {target['begins']}"] = None
    if not shown:
        shown = {f"GET {service.health} on port {port}: {why}": None for port, why in reasons.items()}
    return list(shown)[:4]

"""Two traces made comparable: what is one account's or one moment's own is taken out, what ran side by side is sorted.

The rule. A call belongs to the service that its parameters name, else to all. Within a service calls keep their order;
of the reads between two writes, which looks make side by side and waits repeat, each counts once, and they are sorted.
What belongs to all services is done beside them, so its writes and reads are sorted as a whole.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from culm.deploy.lock import KEY
from culm.target.connection import READS

OWN = (
    (r"arn:aws:(ecs|elasticloadbalancing|ecr|iam|logs)[^\"\s]*?:([a-z-]+)/", r"arn:\1:\2/"),
    (r"(listener|listener-rule|loadbalancer|targetgroup)/([\w/.-]*?)(/[0-9a-f]{16})+", r"\1/\2"),
    (r"(task|container-instance)/([\w-]+)/[0-9a-f-]{32,36}", r"\1/\2/ID"),
    (r"\b\d{12}\b", "ACCOUNT"),
    (r"\b127\.0\.0\.1:\d+|\bACCOUNT\.dkr\.ecr\.[\w.-]+", "REGISTRY"),
    (r'"Subnets": \[[^]]*\]', '"Subnets": [IDS]'),
    (r"\bvpc-\w+", "vpc-ID"),
    (r"sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b", "DIGEST"),
    (r'("imageTag": )"[0-9a-f]{16}"', r'\1"TAG"'),
    (r'("ETag|"IfMatch|"VersionId|"clientToken)": "[^"]*"', r'\1": "ID"'),
    (r"<\d+ bytes>", "<bytes>"),
    (r'("Port": )\d+', r"\1PORT"),
    (r"\bapp/([\w-]+)/[0-9a-f]{16}", r"app/\1"),
    (r'("dnsName": "[\w-]+", "port": )\d+', r"\1PORT"),
    (r'"(docker|efs)VolumeConfiguration": \{[^}]*\}', '"VOLUME"'),
    (r'(timeout_seconds", "Value": )"\d+"', r'\1"SECONDS"'),
)
"""What differs from account to account, and what stands for it. Ports, drain times and disks are the targets' own."""


def calls(trace: Iterable[Mapping[str, Any]], services: Sequence[str]) -> dict[str, list[str]]:
    """Each service's calls, and under the empty name those of all, as text."""
    found: dict[str, list[tuple[bool, str]]] = {name: [] for name in ("", *services)}
    for call in trace:
        if call["parameters"].get("Key") == KEY:
            continue  # how often the lock is renewed, time decides
        text = f"{call['service']}.{call['operation']} {json.dumps(call['parameters'], sort_keys=True)}"
        for pattern, stands in OWN:
            text = re.sub(pattern, stands, text)
        names = [name for name in services if re.search(rf"\b{name}\b", text)]
        found[names[0] if len(names) == 1 else ""].append((call["operation"].startswith(READS), text))
    ordered = {}
    for name, told in found.items():
        if name == "":
            ordered[name] = sorted({text for _, text in told})
            continue
        seen: set[str] = set()
        ordered[name] = []
        for reads, group in groupby(told, key=lambda one: one[0]):
            texts = [text for _, text in group]
            if reads:
                texts = sorted(set(texts) - seen)
                seen |= set(texts)
            ordered[name] += texts
    return ordered

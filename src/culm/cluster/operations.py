"""Which modules hold AWS operations, and loading them service by service. `python -m culm.cluster.operations`.

Run as a program it prints docs/coverage.md.
"""

import importlib
import pkgutil
import sys

from culm.cluster import exec as exec_room
from culm.cluster import services as services_room
from culm.cluster.wire.coverage import document

SERVED = (
    "acm",
    "application-autoscaling",
    "autoscaling",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "iam",
    "logs",
    "rds",
    "s3",
    "scheduler",
    "secretsmanager",
    "ssm",
    "sts",
)
"""Services, by the names that their requests carry; each has a folder in `services/`."""
FOLDERS = {"scheduler": "eventbridge_scheduler"}
"""Folders that have another name: next to the scheduler of ECS's tasks, a bare `scheduler` would mislead."""
ELSEWHERE = {"ecs": (f"{exec_room.__name__}.operation",)}
"""Operations that live in the room of what they do."""


def load(*services: str) -> None:
    """Import every module with operations of these services, or of all, which puts them into the registry."""
    for service in services or SERVED:
        if service not in SERVED:
            continue
        folder = FOLDERS.get(service, service.replace("-", "_"))
        package = importlib.import_module(f"{services_room.__name__}.{folder}")
        for file in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{file.name}")
        for module in ELSEWHERE.get(service, ()):
            importlib.import_module(module)


if __name__ == "__main__":
    load()
    sys.stdout.write(document())

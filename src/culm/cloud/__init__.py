"""The AWS services, a folder each, a file per noun."""

import importlib
import pkgutil

SERVED = ("cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "logs", "rds", "s3", "secretsmanager", "ssm", "sts")
"""The folders whose files hold operations."""


def load(*services: str) -> None:
    """Import every file of these services, or of all, so that their operations are in the registry."""
    for service in services or SERVED:
        if service not in SERVED:
            continue
        package = importlib.import_module(f"culm.cloud.{service}")
        for file in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"culm.cloud.{service}.{file.name}")

"""The AWS services, a folder each, a file per noun."""

import importlib
import pkgutil

SERVED = ("cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "logs", "rds", "s3", "secretsmanager", "ssm", "sts")
"""The folders whose files hold operations."""


def load() -> None:
    """Import every file of every service, so that its operations are in the registry."""
    for service in SERVED:
        package = importlib.import_module(f"culm.cloud.{service}")
        for file in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"culm.cloud.{service}.{file.name}")

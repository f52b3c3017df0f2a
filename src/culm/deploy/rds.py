"""Database servers on Amazon: who their master is, whom to trust, and whether they can be reached from here."""

import json
import socket
import ssl
import urllib.request
from functools import cache

from culm.errors import CulmError
from culm.plan.observed import Described
from culm.target.connection import Target
from culm.vault.names import Name

DOMAIN = ".rds.amazonaws.com"
BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""RDS has certificate authorities of its own, which no system knows.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"""
REACH_SECONDS = 5.0


def master_password(target: Target, instance: Described) -> str:
    """Return the password, which RDS makes, changes every week, and keeps in Secrets Manager.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    secret = instance.get("MasterUserSecret")
    if secret is None:
        raise CulmError(
            f"the password of {instance['DBInstanceIdentifier']} is not in Secrets Manager", "culm aws bootstrap"
        )
    text = target.client("secretsmanager").get_secret_value(SecretId=secret["SecretArn"])["SecretString"]
    return str(json.loads(text)["password"])


def check_reachable(server: str, address: str, port: int, file: Name) -> None:
    """Raise CulmError where a server cannot be reached from here.

    Its own network alone reaches it, so that most people's machines do not; said before they wait for it.
    """
    try:
        socket.create_connection((address, port), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise CulmError(
            f"{file.service} has no database yet, and {server} cannot be reached from here to make it ({error}): "
            "it is private",
            f"the same command from its network (a VPN, a runner in the VPC); or make role and database there, and\n"
            f"     culm vault put {file} FILE with postgresql://role:password@{address}:{port}/database",
        ) from None


@cache
def trusted() -> ssl.SSLContext:
    """Return a TLS context that trusts Amazon's certificates for RDS, which are fetched."""
    with urllib.request.urlopen(BUNDLE, timeout=30) as answer:
        return ssl.create_default_context(cadata=answer.read().decode())

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
REGIONAL_BUNDLE = "https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"
"""Those of one region: three, which a task definition has room for."""
NONE_HERE = "# On aws these are Amazon's certificates for RDS; nothing is encrypted here.\n"
REACH_SECONDS = 5.0
FETCH_SECONDS = 10.0


def master_password(target: Target, instance: Described) -> str:
    """Return the password, which RDS makes, changes every week, and keeps in Secrets Manager."""
    text = target.client("secretsmanager").get_secret_value(SecretId=master_secret(instance))["SecretString"]
    return str(json.loads(text)["password"])


def master_secret(instance: Described) -> str:
    """Return the ARN of the secret with the master's password. Raises CulmError where there is none.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    secret = instance.get("MasterUserSecret")
    if secret is None:
        raise CulmError(
            f"the password of {instance['DBInstanceIdentifier']} is not in Secrets Manager", "culm aws bootstrap"
        )
    return str(secret["SecretArn"])


def unreachable(address: str, port: int) -> str | None:
    """Return why a server cannot be reached from here; None: it can. Its own network alone reaches a private one."""
    try:
        socket.create_connection((address, port), timeout=REACH_SECONDS).close()
    except OSError as error:
        return str(error)
    return None


def private(server: str, place: tuple[str, int], why: str, file: Name) -> CulmError:
    """Return the error where nothing but a connection from its own network can make a database."""
    address, port = place
    return CulmError(
        f"{file.service} has no database yet, and {server} cannot be reached from here to make it ({why}): "
        "it is private",
        f"the same command from its network (a VPN, a runner in the VPC); or make role and database there, and\n"
        f"     culm vault put {file} FILE with postgresql://role:password@{address}:{port}/database",
    )


def certificates(region: str) -> tuple[str, str]:
    """Return the certificates that sign a region's servers, in PEM, and why there are none: one of the two is empty."""
    try:
        with urllib.request.urlopen(REGIONAL_BUNDLE.format(region=region), timeout=FETCH_SECONDS) as answer:
            return answer.read().decode(), ""
    except OSError as error:
        return "", str(getattr(error, "reason", error))


@cache
def trusted() -> ssl.SSLContext:
    """Return a TLS context that trusts Amazon's certificates for RDS, which are fetched."""
    with urllib.request.urlopen(BUNDLE, timeout=30) as answer:
        return ssl.create_default_context(cadata=answer.read().decode())

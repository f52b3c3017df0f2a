"""Certificates for tests, signed by an authority of their own."""

import time
from functools import cache

from culm.cluster.services.acm import x509
from culm.cluster.services.acm.x509 import Pair

EC = "EC_prime256v1"


@cache
def an_authority() -> Pair:
    return x509.authority(time.time())


@cache
def a_certificate(*names: str) -> Pair:
    """For these domains, valid from five minutes ago."""
    return x509.issue(an_authority(), names, EC, time.time())

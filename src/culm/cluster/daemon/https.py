"""The certificate with which the API and the registry speak TLS, issued at each start by the cluster's own authority.

For clients that insist on https. The authority's certificate lies in CULM_HOME, and `culm cluster trust` prints it. The
private key is made anew each time, and is on the disk only while OpenSSL, which takes keys from files alone, reads it.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

from culm.cluster.daemon.files import write_owner_only
from culm.cluster.services.acm import x509
from culm.cluster.services.acm.certificates import authority

NAMES = ("localhost", "*.localhost")
AUTHORITY_FILE = "authority.pem"
"""In CULM_HOME: whom clients must trust."""
ALGORITHM = "EC_prime256v1"


def issue(db: Connection, addresses: Sequence[str], now: float) -> tuple[x509.Pair, str]:
    """Return a certificate for this machine's names and `addresses`, valid from `now`, and its authority's, PEM."""
    signer = authority(db, now)
    names = (*NAMES, *(each for each in addresses if each not in NAMES))
    return x509.issue(signer, names, ALGORITHM, now), signer.body


def context(home: Path, certificate: x509.Pair, authority_body: str) -> ssl.SSLContext:
    """Return what a server needs to present `certificate`, and write the authority's to AUTHORITY_FILE of `home`."""
    write_owner_only(home / AUTHORITY_FILE, authority_body)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    draft = home / "https.pem"
    try:
        write_owner_only(draft, certificate.private_key + certificate.body)
        made.load_cert_chain(draft)
    finally:
        draft.unlink(missing_ok=True)
    return made

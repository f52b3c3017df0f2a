"""MySQL's hash of a password, so that it is never stored: MariaDB takes the hash in its place.

Who reads it cannot log in by it, and its passwords are too random to be guessed.
https://mariadb.com/docs/server/reference/plugins/authentication-plugins/authentication-plugin-mysql_native_password
"""

import hashlib


def verifier(password: str) -> str:
    """Return `*` and 40 hexadecimal digits: SHA-1 of the SHA-1 of a password."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()

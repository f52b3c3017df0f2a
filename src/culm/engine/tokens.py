"""A registry's challenge, and what to ask its token server for. Pure.

https://distribution.github.io/distribution/spec/auth/token/
"""

import re

from culm.core.model.record import record


@record
class TokenRequest:
    """A GET of `url` with `parameters` answers with JSON: `token`, or `access_token`."""

    url: str
    parameters: dict[str, str]


def request(challenge: str, repository: str) -> TokenRequest | None:
    """Return the request for a token that pulls from a repository; None where no token is asked for.

    `challenge`: the value of WWW-Authenticate, `Bearer realm="https://auth.example.com/token",service="..."`.
    """
    scheme, _, rest = challenge.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme.lower() != "bearer" or not re.match(r"https?://", fields.get("realm", "")):
        return None
    return TokenRequest(
        url=fields["realm"],
        parameters={"service": fields.get("service", ""), "scope": f"repository:{repository}:pull"},
    )

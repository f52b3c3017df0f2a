"""What a load balancer keeps secret to sign users in."""

from dataclasses import field

from culm.core.model.record import record


@record
class SignInSecrets:
    client_secret: str = field(repr=False)
    """By which the load balancer shows the issuer that it is the client."""
    session_key: bytes = field(repr=False)
    """Of AES-256-GCM: what seals the cookies of sessions."""
    signing_key: str = field(repr=False)
    """PEM of an elliptic curve's key (P-256), for the token that targets read."""


@record
class SignInKeys:
    """What is kept for one rule."""

    rule_arn: str
    kid: str
    public_key: str
    secrets: SignInSecrets

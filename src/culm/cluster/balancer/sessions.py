"""Sessions of users who have signed in at a load balancer: sealed, opened, and the token that targets read. Pure.

A session is in its cookies alone: sealed by AES-256-GCM with a key of the rule's own, so that HAProxy opens them
without asking anybody, every daemon knows them, and the browser can read or change nothing in them. Inside, between
`|`: the rule and client that it is for (`binding`), when it ends, the user, the access token, and the user's claims as
a token that targets can verify with the key at PUBLIC_KEYS.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from culm.cluster.balancer.interface import SignIn
from culm.core.model.load_balancers import AuthenticateOidcConfig, Rule
from culm.core.model.sign_ins import SignInKeys

SOCKET = "sign-in.sock"
RULE_HEADER = "x-culm-rule"
"""By which HAProxy says whose user it sends; it overwrites what a client sends under this name."""
CALLBACK = "/oauth2/idpresponse"
PUBLIC_KEYS = "/_culm/load-balancer-keys/"
COOKIE_BYTES = 4000
"""A browser keeps 4,096 of a cookie, its name included; a longer session is in several."""
COOKIES = 4
NONCE_BYTES, TAG_BYTES = 12, 16


def binding(rule_arn: str, config: AuthenticateOidcConfig) -> str:
    """Return what a session is for: with another client or provider, users sign in anew."""
    text = "\n".join((rule_arn, config.issuer, config.client_id, config.scope))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def sign_in(rule: Rule, keys: SignInKeys) -> SignIn | None:
    """Return how the data plane judges the requests of a rule; None: it asks for no user."""
    config = oidc(rule)
    if config is None:
        return None
    return SignIn(
        cookie=config.session_cookie_name,
        binding=binding(rule.rule_arn, config),
        key=keys.secrets.session_key,
        unknown=config.on_unauthenticated_request,
    )


def oidc(rule: Rule) -> AuthenticateOidcConfig | None:
    """Return the configuration of a rule's authenticate-oidc action, if it has one."""
    return next((each.authenticate_oidc_config for each in rule.actions if each.authenticate_oidc_config), None)


def sealed(text: str, key: bytes) -> str:
    """Return nonce, tag and ciphertext, each in base64, as HAProxy's aes_gcm_dec wants them."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    both = AESGCM(key).encrypt(nonce, text.encode(), None)
    return "~".join(base64.b64encode(part).decode() for part in (nonce, both[-TAG_BYTES:], both[:-TAG_BYTES]))


def opened(text: str, key: bytes) -> str | None:
    """Return what was sealed; None: it was not, or with another key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        nonce, tag, cipher = (base64.b64decode(part, validate=True) for part in text.split("~"))
        return AESGCM(key).decrypt(nonce, cipher + tag, None).decode()
    except (InvalidTag, ValueError):
        return None


def lives(user: SignIn, headers: Sequence[tuple[str, str]], now: float) -> bool:
    """Return whether a request's cookies hold a session that fits and has not ended. `now`: epoch seconds."""
    pairs = (pair for name, value in headers if name.lower() == "cookie" for pair in value.split(";"))
    cookies = dict(pair.strip().partition("=")[::2] for pair in pairs)
    text = opened("".join(cookies.get(f"{user.cookie}-{number}", "") for number in range(COOKIES)), user.key)
    return text is not None and text.split("|")[0] == user.binding and float(text.split("|")[1]) > now


def session(sign_in: SignIn, ends: float, claims: Mapping[str, Any], access_token: str, data: str) -> str:
    """Return the value of a session's cookies, in one piece. `ends`: epoch seconds."""
    parts = (sign_in.binding, str(int(ends)), quote(str(claims["sub"]), safe=""), access_token, data)
    return sealed("|".join(parts), sign_in.key)


def token(keys: SignInKeys, config: AuthenticateOidcConfig, signer: str, ends: float, claims: Mapping[str, Any]) -> str:
    """Return the user's claims, signed by ES256, with padding as an ALB writes it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html#user-claims-encoding
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    header = {
        "typ": "JWT",
        "kid": keys.kid,
        "alg": "ES256",
        "iss": config.issuer,
        "client": config.client_id,
        "signer": signer,
        "exp": int(ends),
    }
    body = {**claims, "exp": int(ends), "iss": config.issuer}
    text = b".".join(base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (header, body))
    key = serialization.load_pem_private_key(keys.secrets.signing_key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return b".".join((text, signature)).decode()

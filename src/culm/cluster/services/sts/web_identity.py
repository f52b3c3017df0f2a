"""Sessions of roles for those whom an issuer of identity tokens vouches for: a CI, or a Kubernetes cluster.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from culm.cluster.services.sts.roles import check_duration, check_role_arn
from culm.cluster.services.sts.sessions import PolicyArn, credentials, documents_of, keys_of
from culm.cluster.store.iam import oidc_keys, oidc_providers, roles
from culm.cluster.store.iam.oidc_providers import OidcProvider
from culm.cluster.wire.keyring import Limits
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policies import trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.arn import arn
from culm.core.model.policies import Ask
from culm.core.model.principals import session_arn
from culm.core.model.record import record
from culm.errors import AwsError

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEYS = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)
TAGS = "https://aws.amazon.com/tags"
"""The claim of session tags."""


@record
class AssumeRoleWithWebIdentityInput:
    role_arn: str
    role_session_name: str
    web_identity_token: str
    policy_arns: tuple[PolicyArn, ...] = ()
    policy: str | None = None
    duration_seconds: int = 3600


@operation("sts", "AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(call: Call, req: AssumeRoleWithWebIdentityInput) -> dict[str, Any]:
    """Assume a role that trusts the token's issuer, its audience and its subject; the request needs no signature.

    Raises InvalidIdentityToken for a token that is forged, for somebody else or of an unknown issuer,
    ExpiredTokenException, IDPCommunicationError while an issuer does not answer, and AccessDenied.
    """
    check_role_arn(req.role_arn)
    provider = _provider(call, _unverified(req.web_identity_token))
    claims = _verified(call, provider, req.web_identity_token)
    audiences = _audiences(claims)
    if not set(audiences) & set(provider.client_ids):
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    if TAGS in claims:
        raise AwsError(
            "InvalidIdentityToken", f"culm does not serve session tags of tokens: leave out the claim {TAGS}"
        )
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise AwsError("InvalidIdentityToken", "Missing a required claim: sub")
    role = roles.find_arn(call.db, req.role_arn)
    ask = Ask(
        action="sts:AssumeRoleWithWebIdentity",
        resource=req.role_arn,
        principals=(provider.arn,),
        account=call.account,
        context=_context(provider, claims, audiences),
    )
    if role is None or not trusts(parse(role.trust), ask, ()):
        raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    check_duration(role, req.duration_seconds)
    made = keys_of(call).issue(
        role_arn=role.arn,
        role_id=role.id,
        name=req.role_session_name,
        expiration=call.now + req.duration_seconds,
        seed=call.new_id(),
        limits=Limits(policies=documents_of(call, req.policy, req.policy_arns)),
    )
    return {
        "credentials": credentials(made),
        "subject_from_web_identity_token": subject,
        "assumed_role_user": {
            "assumed_role_id": f"{role.id}:{req.role_session_name}",
            "arn": session_arn(role.arn, req.role_session_name),
        },
        "provider": provider.arn,
        "audience": audiences[0],
        "packed_policy_size": 0,
    }


def _unverified(token: str) -> str:
    """Return the issuer that a token names. Raises InvalidIdentityToken."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError):
        raise AwsError("InvalidIdentityToken", NO_JWT) from None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise AwsError("InvalidIdentityToken", "Missing a required claim: iss")
    return issuer


def _provider(call: Call, issuer: str) -> OidcProvider:
    url = issuer.removeprefix("https://").rstrip("/")
    provider = oidc_providers.find(call.db, arn("iam", "", call.account, f"oidc-provider/{url}"))
    if provider is None:
        raise AwsError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    return provider


def _verified(call: Call, provider: OidcProvider, token: str) -> Mapping[str, Any]:
    """Return the claims of a token that its issuer has signed and that is valid now."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    known = oidc_keys.find(call.db, provider.arn)
    if known is None:
        raise AwsError("IDPCommunicationError", f"{provider.url} has not been asked for its keys yet; try again")
    if not known.keys:
        raise AwsError("InvalidIdentityToken", f"{NO_KEYS}. {known.problem}")
    try:
        keys = KeySet.import_key_set(json.loads(known.keys))
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError) as error:
        raise AwsError("InvalidIdentityToken", f"The token's signature cannot be verified: {error}") from None
    until, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(until, int | float) or not isinstance(begins, int | float):
        raise AwsError("InvalidIdentityToken", "Missing a required claim: exp")
    if until <= call.now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {_moment(call.now)} must be before the expiration date/time"
            f" {_moment(until)}",
        )
    if begins > call.now:
        raise AwsError("InvalidIdentityToken", f"The token is not valid before {_moment(begins)}")
    return claims


def _audiences(claims: Mapping[str, Any]) -> Sequence[str]:
    """Return whom a token is for: the party that it was authorised for, if it says that."""
    given = claims.get("azp") or claims.get("aud") or ()
    return [given] if isinstance(given, str) else [each for each in given if isinstance(each, str)]


def _context(provider: OidcProvider, claims: Mapping[str, Any], audiences: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a federated caller.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    own = claims.get("aud") or ()
    given = {"aud": tuple(audiences), "sub": (claims["sub"],)}
    if "azp" in claims:
        given["oaud"] = (own,) if isinstance(own, str) else tuple(own)
    if isinstance(amr := claims.get("amr"), list):
        given["amr"] = tuple(str(each) for each in amr)
    return {f"{provider.url}:{name}".lower(): values for name, values in given.items()}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The SDK's exceptions in our own words: they never leave this room."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from culm.errors import CulmError

LOG_IN = "log in again (aws sso login, say), then the same command: it goes on from here"
OTHERS_KEYS = "are these credentials of this account?"
HINTS = {
    "ExpiredToken": LOG_IN,
    "ExpiredTokenException": LOG_IN,
    "RequestExpired": LOG_IN,
    "UnrecognizedClientException": OTHERS_KEYS,
    "InvalidClientTokenId": OTHERS_KEYS,
    "ClusterNotFoundException": "culm up makes it; if it was made, is `region:` the one where it is? culm status tells",
    "InsufficientStorage": "free some space there; then the same again",
}
THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "PriorRequestNotComplete"),
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
MISSING = re.compile(
    r"not authorized to perform:? (?P<action>[\w-]+:\w+)"
    r"(?:(?: on resource:? \"?(?P<resource>[^\s\"]+)\"?)?(?P<why> .*)?)?",
    re.DOTALL,
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""


AMAZON = ".amazonaws.com"


class NotLoggedIn(CulmError):
    """There are no credentials at all."""


class Denied(CulmError):
    """The credentials lack a right."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise CulmError for what boto3 raises."""
    try:
        yield
    except Exception as error:
        if (ours := in_our_words(error)) is None:
            raise
        raise ours from error


def in_our_words(error: Exception) -> CulmError | None:
    """Return the error for one of the SDK's; None where it is another's."""
    if isinstance(error, CulmError):
        return None
    from botocore import exceptions  # loaded when something fails: a command that gets its answers may need no SDK
    from botocore.parsers import ResponseParserError

    match error:
        case exceptions.ClientError():
            details = error.response["Error"]
            return refusal(error.operation_name, details.get("Code", ""), details.get("Message", ""))
        case exceptions.EndpointConnectionError() if AMAZON in str(error):
            hint = "is `region:` the right one (a region that does not exist has no address), and is the network there?"
            return CulmError(str(error), hint)
        case exceptions.EndpointConnectionError():
            return CulmError(str(error), "does the cluster run? culm cluster status")
        case exceptions.NoCredentialsError():
            return NotLoggedIn("there are no AWS credentials", "aws configure, or `profile:` for the target")
        case exceptions.ProfileNotFound():
            return CulmError(str(error), "`profile:` of the target in culm.yml, and ~/.aws/config")
        case (
            exceptions.SSOError()
            | exceptions.UnauthorizedSSOTokenError()
            | exceptions.TokenRetrievalError()
            | exceptions.CredentialRetrievalError()
        ):
            return CulmError(f"your credentials cannot be renewed: {error}", LOG_IN)
        case ResponseParserError():
            excerpt = " ".join(str(error).partition("received.")[0].split())
            return CulmError(
                f"what answers is not AWS: {excerpt or 'its answer cannot be read'}",
                "does a proxy answer in its place (HTTPS_PROXY), or `endpoint_url:`? the same again may do",
            )
        case exceptions.BotoCoreError():
            return CulmError(f"AWS cannot be reached: {error}", "is the network there?")
    return None


def refusal(operation: str, code: str, message: str) -> CulmError:
    """Return the error for a code and message of AWS, with a hint."""
    if code in DENIED:
        return denied(operation, message)
    if code in THROTTLED:
        return CulmError(
            f"{operation} failed: AWS throttles this account's requests ({code})",
            "the same command in a minute: it goes on from here",
        )
    return CulmError(f"{operation} failed: {code}: {message}", HINTS.get(code, ""))


def denied(operation: str, message: str) -> Denied:
    """Return an error that names the missing permission, and the policy statement that grants it."""
    match = MISSING.search(message)
    if match is None:
        return Denied(
            f"{operation} was denied: {message}",
            "your credentials lack a right; culm aws policy prints all",
        )
    action, resource, why = match["action"], match["resource"] or "*", match["why"] or ""
    what = f"you may not {action} on {resource}"
    if "explicit deny" in why:
        return Denied(f"{what}:{why}", "a policy denies it: no permission that is added helps, the Deny has to go")
    if "permissions boundary" in why or "service control policy" in why:
        return Denied(f"{what}:{why}", "it has to be allowed there too, by whoever may change that")
    statement = json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})
    return Denied(what, f"add this statement to your policy, then the same command goes on from here:\n  {statement}")

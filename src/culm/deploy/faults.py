"""The SDK's exceptions in our own words: they never leave this room."""

from collections.abc import Iterator
from contextlib import contextmanager

from culm.errors import CulmError

HINTS = {
    "ExpiredToken": "log in again: your credentials have expired",
    "ExpiredTokenException": "log in again: your credentials have expired",
    "UnrecognizedClientException": "are these credentials of this account?",
    "InvalidClientTokenId": "are these credentials of this account?",
    "InsufficientStorage": "free some space there; then the same again",
    "AccessDenied": "your credentials lack this right",
    "AccessDeniedException": "your credentials lack this right",
}


class NotLoggedIn(CulmError):
    """There are no credentials at all."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise CulmError for what boto3 raises."""
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        what = f"{error.operation_name} failed: {said.get('Code', '')}: {said.get('Message', '')}"
        raise CulmError(what, HINTS.get(said.get("Code", ""), "")) from error
    except EndpointConnectionError as error:
        raise CulmError(str(error), "does the cluster run? culm cluster status") from error
    except NoCredentialsError as error:
        raise NotLoggedIn("there are no AWS credentials", "aws configure, or `profile:` for the target") from error
    except BotoCoreError as error:
        raise CulmError(f"AWS cannot be talked to: {error}", "is the network there?") from error

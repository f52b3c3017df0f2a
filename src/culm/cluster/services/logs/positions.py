"""Tokens that say where a reader of events is and which way it reads.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

import base64
import re

from culm.core.model.logs import Position
from culm.errors import AwsError

_DIGITS = re.compile(r"(\d{20})(\d{18})(\d{18})")
_TOKEN = re.compile(r"[fb]/(\d{20})(\d{18})(\d{18})/s")


def token(direction: str, position: Position) -> str:
    """Return a token for a position; `direction` is `f` for forward or `b` for backward."""
    return f"{direction}/{digits(position)}/s"


def digits(position: Position) -> str:
    """Return a position in 56 digits, as many as AWS's tokens and event ids have."""
    return f"{position.timestamp_ms:020d}{position.stream_id:018d}{position.sequence:018d}"


def pointer(position: Position) -> str:
    """Return what Insights calls an event by, in `@ptr`."""
    return base64.urlsafe_b64encode(digits(position).encode()).decode()


def pointed(pointer: str) -> Position:
    """Return the place of the event that a pointer names. Raises InvalidParameterException."""
    try:
        read = _DIGITS.fullmatch(base64.urlsafe_b64decode(pointer).decode())
    except ValueError:
        read = None
    if read is None:
        raise AwsError("InvalidParameterException", "The specified log record pointer is invalid.")
    return Position(*map(int, read.groups()))


def position(token: str) -> Position:
    """Return the place in a stream that a token names. Raises InvalidParameterException."""
    read = _TOKEN.fullmatch(token)
    if read is None:
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
    return Position(*map(int, read.groups()))

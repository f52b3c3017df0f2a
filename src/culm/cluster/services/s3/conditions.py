"""Conditional requests: RFC 9110's preconditions, as S3 applies them to reads, copies and writes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from culm.cluster.store.s3.objects import Facts, ObjectVersion
from culm.errors import AwsError


def check_read(
    facts: Facts,
    *,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
) -> None:
    """Raise 304 or 412, unless the object is what the reader wants. HTTP's dates have no fractions of a second."""
    changed = int(facts.last_modified)
    if if_match is not None:
        if not matches(if_match, facts.e_tag):
            raise failed("If-Match")
    elif if_unmodified_since is not None and changed > if_unmodified_since:
        raise failed("If-Unmodified-Since")
    if if_none_match is not None:
        if matches(if_none_match, facts.e_tag):
            raise AwsError("NotModified", "Not Modified", 304)
    elif if_modified_since is not None and changed <= if_modified_since:
        raise AwsError("NotModified", "Not Modified", 304)


def check_write(current: ObjectVersion | None, key: str, *, if_match: str | None, if_none_match: str | None) -> None:
    """Raise 412, unless the key is as the writer believes: absent (`If-None-Match: *`), or of one ETag (`If-Match`)."""
    exists = current is not None and not current.delete_marker
    if if_none_match is not None:
        if if_none_match != "*":
            raise AwsError("NotImplemented", "If-None-Match takes only * when an object is written.", 501)
        if exists:
            raise failed("If-None-Match")
    if if_match is not None:
        if current is None or current.delete_marker:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404, key=key)
        if not matches(if_match, current.facts.e_tag):
            raise failed("If-Match")


def matches(wanted: str, e_tag: str) -> bool:
    """Return whether a header's list of ETags, quoted or not, holds this one."""
    return any(tag.strip().strip('"') in ("*", e_tag.strip('"')) for tag in wanted.split(","))


def failed(condition: str) -> AwsError:
    """Return the error that says that this condition did not hold."""
    return AwsError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, condition=condition
    )

"""Pull requests through GitHub's REST API: one comment, kept up to date, and whether one is open still.

https://docs.github.com/en/rest/issues/comments
https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
"""

import json
import urllib.error
import urllib.request
from typing import Any

from culm.core.model.record import record
from culm.errors import CulmError

PAGE = 100
"""Comments in one answer, the most that GitHub gives."""
LONGEST = 65_536
"""Characters of a comment."""
TIMEOUT_SECONDS = 30.0


class Missing(CulmError):
    """GitHub has nothing at an address."""


@record
class PullRequest:
    api: str
    """`https://api.github.com`, or an enterprise's."""
    token: str
    repository: str
    """`owner/name`."""
    number: int


def comment(on: PullRequest, text: str) -> str:
    """Write it, over the one that begins with the same line if there is one; its address on the web.

    The first line is what it is known by: an HTML comment, which nobody sees.
    """
    mark = text.partition("\n")[0]
    comments = f"{on.api}/repos/{on.repository}/issues/{on.number}/comments"
    body = {"body": text[:LONGEST]}
    for each in pages(on, comments):
        if each["body"].partition("\n")[0].rstrip("\r") == mark:
            return str(call(on, "PATCH", each["url"], body)["html_url"])
    return str(call(on, "POST", comments, body)["html_url"])


def is_open(on: PullRequest) -> bool:
    """Tell whether a pull request is there and neither merged nor closed. Raises CulmError as `call` does."""
    try:
        described = call(on, "GET", f"{on.api}/repos/{on.repository}/pulls/{on.number}", None)
    except Missing:
        return False
    return bool(described["state"] == "open")


def pages(on: PullRequest, comments: str) -> list[dict[str, Any]]:
    collected: list[dict[str, Any]] = []
    number = 1
    while True:
        some = call(on, "GET", f"{comments}?per_page={PAGE}&page={number}", None)
        collected += some
        if len(some) < PAGE:
            return collected
        number += 1


def call(on: PullRequest, method: str, url: str, body: dict[str, str] | None) -> Any:
    """Call GitHub's API and return its JSON. Raises Missing for status 404, and CulmError for another failure."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode() if body is not None else None,
        {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {on.token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                raise Missing(f"GitHub has nothing at {url}", "does the token see this repository?") from None
            hint = "does the job have `permissions: {pull-requests: write}`?" if error.code in (401, 403) else ""
            raise CulmError(f"GitHub refused {method} {url} with status {error.code}", hint) from None
    except OSError as error:
        raise CulmError(f"GitHub cannot be reached: {error}", "is the network there?") from None

"""Tells by a target's `notify:` that a deploy failed: on aws by an event, locally by the webhook itself."""

from collections.abc import Sequence

from culm.errors import CulmError
from culm.project.project import Project
from culm.render import messages
from culm.target import faults
from culm.target.connection import Target, is_loopback
from culm.vault.redaction import redacted

TIMEOUT_SECONDS = 10.0


def tell(target: Target, project: Project, failures: Sequence[str]) -> str:
    """Send one message about a failed deploy. Returns why it could not be sent, or an empty string.

    A message that is not sent is no reason for another failure: nothing is raised.
    """
    notify = target.settings.notify
    if notify is None or not failures:
        return ""
    message = messages.text(project, target.settings, [redacted(each) for each in failures])
    try:
        with faults.translated():
            if target.settings.provider == "aws":
                answer = target.client("events").put_events(**messages.event(project, message))
                refused = [entry["ErrorMessage"] for entry in answer["Entries"] if "ErrorMessage" in entry]
                return refused[0] if refused else ""
            secret = target.client("secretsmanager").get_secret_value(SecretId=notify.webhook)
        return post(secret["SecretString"].strip(), message)
    except CulmError as error:
        return error.what


def post(url: str, message: str) -> str:
    """Send a message to a webhook. Returns why it was not taken, without its URL, which is a secret; or nothing."""
    import httpx2

    try:
        answer = httpx2.post(url, json=messages.body(message), timeout=TIMEOUT_SECONDS, trust_env=not is_loopback(url))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"the webhook cannot be reached ({type(error).__name__})"
    return "" if answer.is_success else f"the webhook answered with status {answer.status_code}"

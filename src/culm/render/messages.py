"""What a deploy tells when it fails: an event on aws, a request to the webhook on the local target. Pure."""

import json

from culm.project.project import Project, TargetSettings
from culm.render.surroundings import Input

SOURCE = "culm"
DETAIL_TYPE = "culm deploy"
LONGEST = 2000
"""Characters of a message: an event has 256 KiB, Slack shows some 4,000."""


def text(project: Project, settings: TargetSettings, failures: list[str]) -> str:
    """Return the message about a deploy in which these failed."""
    listed = "; ".join(failures)
    whole = f"{project.name}: a deploy to {settings.name} failed: {listed}"
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 4] + " ..."


def event(project: Project, message: str) -> Input:
    """Return the input of events.PutEvents."""
    detail = json.dumps({"project": project.name, "text": message})
    return {"Entries": [{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail}]}


def body(message: str) -> Input:
    """Return what a webhook gets, as Slack takes it.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """
    return {"text": message}

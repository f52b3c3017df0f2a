"""Values that are secrets whatever they are called: keys of AWS, GitHub, Slack, Stripe and others, by their format.

The patterns are those of detect-secrets, in the fork that Checkov lives on; its guesses by entropy and by keyword are
not used: `rules` knows the name that a value belongs to, which is better than a line of text.
"""

import re
from functools import cache
from typing import Any, Protocol

PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")
MORE = (
    (re.compile(r"\bgithub_pat_\w{40,}"), "GitHub Token"),
    (re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"), "NPM Token"),
    (re.compile(r"\bglpat-[\w-]{20,}"), "GitLab Token"),
    (re.compile(r"\bAIza[\w-]{35}\b"), "Google API Key"),
    (re.compile(r"\bsk-(?:proj-|ant-)?[\w-]{32,}"), "API Key"),
    (re.compile(r"\bdop_v1_[0-9a-f]{64}\b"), "DigitalOcean Token"),
    (re.compile(r"\bpypi-[\w-]{50,}"), "PyPI Token"),
    (re.compile(r"\bhvs\.[\w-]{24,}"), "Vault Token"),
    (re.compile(r"\bhf_[A-Za-z0-9]{34}\b"), "Hugging Face Token"),
    (re.compile(r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"), "Shopify Token"),
    (re.compile(r"\bdckr_pat_[\w-]{20,}"), "Docker Hub Token"),
    (re.compile(r"\bglsa_\w{32}_\w{8}\b"), "Grafana Token"),
    (re.compile(r"\bATATT3[\w=-]{20,}"), "Atlassian Token"),
    (re.compile(r"\bGOCSPX-[\w-]{20,}"), "Google OAuth Secret"),
    (re.compile(r"\bxkeysib-[0-9a-f]{64}-\w{16}\b"), "Brevo Key"),
    (re.compile(r"\b\d{8,10}:AA[\w-]{33}\b"), "Telegram Bot Token"),
    (re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"), "Age Secret Key"),
    (re.compile(r"\b(?:AccountKey|SharedAccessKey)=[\w+/]{40,}={0,2}"), "Azure Key"),
)
"""What the detector does not have."""


class Plugin(Protocol):
    secret_type: str

    def analyze_string(self, string: str) -> Any: ...


def known(text: str) -> str | None:
    """Return the format of a secret, `AWS Access Key` or `GitHub Token`; None when the text has none that is known."""
    if PRIVATE_KEY.search(text):
        return "Private Key"
    for pattern, kind in MORE:
        if pattern.search(text):
            return kind
    for plugin in plugins():
        if any(plugin.analyze_string(text)):
            return plugin.secret_type
    return None


@cache
def plugins() -> tuple[Plugin, ...]:
    """Import detectors by name, and only when there is something to look at: the scanner around them is not needed."""
    from detect_secrets.plugins.artifactory import ArtifactoryDetector
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.jwt import JwtTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.npm import NpmDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

    return (
        AWSKeyDetector(),
        GitHubTokenDetector(),
        SlackDetector(),
        StripeDetector(),
        JwtTokenDetector(),
        NpmDetector(),
        SendGridDetector(),
        TwilioKeyDetector(),
        AzureStorageKeyDetector(),
        ArtifactoryDetector(),
        DiscordBotTokenDetector(),
        MailchimpDetector(),
        SquareOAuthDetector(),
    )

"""What another machine installs to get the culm that runs here: its own repository, at one revision.

No index is asked for the name `culm`: until the project owns it there, whoever registers it would run in the pipelines.
"""

import importlib.metadata
import json
import subprocess
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from culm import __version__

REPOSITORY = "https://github.com/culm-dev/culm"


def requirement() -> str:
    """Return what pip takes: `git+https://.../culm@REVISION`.

    The revision is that of the checkout or the URL that this was installed from, else the tag of this version.
    """
    try:
        text = importlib.metadata.distribution("culm").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        text = None
    return of(json.loads(text) if text else {})


def of(origin: Mapping[str, Any]) -> str:
    """Return the requirement, as `requirement` does, of a direct_url.json (PEP 610); empty where an index was asked.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    revision = origin.get("vcs_info", {}).get("commit_id")
    if revision:
        return f"git+{origin['url']}@{revision}"
    url = urlsplit(origin.get("url", ""))
    revision = head(unquote(url.path)) if url.scheme == "file" else None
    return f"git+{REPOSITORY}@{revision or f'v{__version__}'}"


def head(folder: str) -> str | None:
    """Return the commit that a checkout of ours is at; None where the folder is none."""
    try:
        done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

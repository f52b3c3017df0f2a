"""How the services of a command ended: what `--json` prints, and the error that the command ends with."""

import json
from collections.abc import Mapping
from typing import Any

import click

from culm.cli.context import wants_json
from culm.errors import CulmError


def row(name: str, *, changed: bool, error: CulmError | None, **facts: Any) -> dict[str, Any]:
    """Return a service's row of `--json`; `facts` are what the command alone has to tell of it."""
    return {"name": name, "changed": changed, "error": error.what if error else None, **facts}


def conclude(errors: Mapping[str, CulmError | None], facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each service with `--json`, then raise the first failure. `facts` are by service."""
    if wants_json():
        rows = [row(name, changed=error is None, error=error, **facts.get(name, {})) for name, error in errors.items()]
        click.echo(json.dumps({"services": rows}, indent=2))
    for error in errors.values():
        if error is not None:
            raise error

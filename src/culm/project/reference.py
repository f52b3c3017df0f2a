"""docs/reference/culm-yml.md, printed from the schema."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from culm.project.keys import Default
from culm.project.nodes import alternatives, spelled, unwrap, written_fields
from culm.project.schema import (
    DatabaseBlock,
    DefaultsBlock,
    ElastiCacheBlock,
    ManifestBlock,
    NotifyBlock,
    RdsBlock,
    SleepBlock,
    StrategyBlock,
    TargetBlock,
    VolumeBlock,
)
from culm.project.service_schema import (
    HealthBlock,
    MigrateBlock,
    ScheduleBlock,
    SecretBlock,
    ServiceBlock,
    SidecarBlock,
)

SECTIONS = {
    "The file": ManifestBlock,
    "targets": TargetBlock,
    "placement": StrategyBlock,
    "defaults": DefaultsBlock,
    "databases": DatabaseBlock,
    "targets: notify": NotifyBlock,
    "targets: sleep": SleepBlock,
    "databases: rds": RdsBlock,
    "databases: elasticache": ElastiCacheBlock,
    "volumes": VolumeBlock,
    "services": ServiceBlock,
    "services: migrate": MigrateBlock,
    "services: health": HealthBlock,
    "services: secrets": SecretBlock,
    "services: sidecars": SidecarBlock,
    "services: schedule": ScheduleBlock,
}

HEAD = """# culm.yml

<!-- Printed from src/culm/project/schema.py by `python -m culm.project.reference`; a test keeps it fresh. -->

One file says what a project is made of. What can be inferred may be left out; `culm init` writes a first one.

```yaml
name: bamboo
targets:
  local: {instances: 2 x t2.micro}
databases:
  main: {engine: postgres}
services:
  accounts: {database: main}
  catalog: {database: main, memory: 128}
```

Top-level keys that begin with `x-` are ignored, so that YAML anchors have a place.
"""


def reference() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(section(title, block) for title, block in SECTIONS.items())])


def section(title: str, block: type) -> str:
    rows = [row(name, field, hint) for name, (field, hint) in written_fields(block).items()]
    intro = inspect.cleandoc(block.__doc__ or "")
    return "\n".join(
        [f"## {title}", "", intro, "", "| key | what | value | if left out |", "|---|---|---|---|", *rows, ""]
    )


def row(name: str, field: Any, hint: Any) -> str:
    key, bare = unwrap(hint)
    assert key is not None, f"{name} has no Key"
    doc = f"{key.doc} Refused for now: {key.not_yet}." if key.not_yet else key.doc
    return f"| `{name}` | {doc} | {key.written or written(bare)} | {left_out(field, hint)} |"


def written(bare: Any) -> str:
    """Return a type in a reader's words."""
    words: list[str] = []
    for option in alternatives(bare):
        origin = typing.get_origin(option)
        if option is types.NoneType:
            continue
        if origin is Literal:
            words.extend(f"`{spelled(choice)}`" for choice in typing.get_args(option))
        elif option is int:
            words.append("a number")
        elif option is str:
            words.append("text")
        elif origin is tuple:
            words.append("a list")
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            words.append("a mapping")
        else:
            words.append("a block")
    return ", ".join(words)


def left_out(field: Any, hint: Any) -> str:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Default):
            return extra.text
    if field.default is dataclasses.MISSING:
        return "an error"
    if dataclasses.is_dataclass(field.default):
        return "as below"
    return f"`{spelled(field.default)}`" if field.default != () else "none"


if __name__ == "__main__":
    print(reference(), end="")

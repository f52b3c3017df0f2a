"""How a key of culm.yml is described: what the reference and the JSON Schema say of it, and how its text is read."""

from collections.abc import Callable
from typing import Any

from culm.core.model.record import record


@record
class Key:
    """What the reference says about a key, and how its text is read where YAML's own types do not do."""

    doc: str
    written: str = ""
    """How its values look; empty: as its type says."""
    parse: Callable[[str], Any] | None = None
    each: bool = False
    """Whether `parse` reads each entry of a list (one entry needs no list) or each value of a mapping."""
    words: bool = False
    """Whether `parse` splits a text into a list; a list may be written, too, and is taken as it is."""
    pattern: str = ""
    """For the JSON Schema: what its texts match, as ECMA-262 has it; empty: any."""
    name: str = ""
    """As it is written in the file, where that is no Python name: `read-only`."""
    not_yet: str = ""
    """Why culm refuses it although it is known; empty: it is carried out."""


@record
class Default:
    """A key's stand-in, for the reference."""

    text: str

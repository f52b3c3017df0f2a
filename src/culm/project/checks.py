"""What several blocks of culm.yml are checked for alike."""

from culm.project import sizes
from culm.project.nodes import Source


def check_port(source: Source, key: tuple[str, ...], port: int) -> None:
    """Refuse `port` at `key` unless it is from 1 to 65535. Raises UsageError with the place."""
    if not 1 <= port <= 65535:
        source.refuse(key, f"{port} is not a port: 1 to 65535")


def checked_name(source: Source, key: tuple[str, ...], name: str) -> None:
    """Refuse `name` at `key` unless it can be part of AWS's names (see `sizes.name`). Raises UsageError."""
    try:
        sizes.name(name)
    except ValueError as error:
        source.refuse(key, str(error))

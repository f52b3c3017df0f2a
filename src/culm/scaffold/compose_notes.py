"""What did not map from a compose file, by file and line."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from culm.core.model.record import record
from culm.project.compose.services import ComposeService
from culm.project.compose.tree import SourceLine, Tree, missing


@record
class Note:
    """Something that did not map, or not as it was."""

    place: SourceLine
    key: str
    """`services.web.volumes`; empty: the whole file."""
    what: str

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place.line else ""
        return f"{where}{self.key}: {self.what}" if self.key else f"{where}{self.what}"


@dataclass
class Notes:
    """All of them, in the order of their places."""

    notes: list[Note] = field(default_factory=list)
    database_names: dict[str, str] = field(default_factory=dict)
    """Name of the compose service -> name in `databases:`."""

    def add(self, place: SourceLine, key: str, what: str) -> None:
        note = Note(place=place, key=key, what=what)
        if note not in self.notes:
            self.notes.append(note)

    def __iter__(self) -> Iterator[Note]:
        return iter(sorted(self.notes, key=lambda note: (note.place.file, note.place.line, note.key)))

    def of(self, service: ComposeService, place: SourceLine, key: str, what: str) -> None:
        """Add a note on a key of a service."""
        self.add(place, service.key(key), what)

    def unset(self, service: ComposeService, tree: Tree | None, key: str) -> bool:
        """Return whether a value hangs on a variable that is not set: it is then left out, and noted."""
        names = missing(tree)
        if tree is not None and names:
            self.of(service, tree.place, key, f"left out: {', '.join(names)} is not set")
        return bool(names)

    def any_unset(self, service: ComposeService, *paths: tuple[str, ...]) -> bool:
        """Return whether one of several values, by paths below the service, hangs on a variable that is not set."""
        return any([self.unset(service, service.at(*path), ".".join(path)) for path in paths])

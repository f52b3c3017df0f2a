"""Lines of a terminal: text of which each piece has its style, as wide as a terminal draws it. Pure.

A style is words that are separated by spaces: `bold`, `dim`, `reverse`, and the name of a colour.
"""

from typing import Self

from culm.console import cells, fitted

CODES = {"bold": "1", "dim": "2", "reverse": "7", "red": "31", "green": "32", "yellow": "33"}
"""The parameters of SGR by word: ECMA-48, 8.3.117."""


class Text:
    """One line, written from left to right."""

    def __init__(self, text: str = "", style: str = "") -> None:
        self._pieces: list[tuple[str, str]] = []
        self.append(text, style)

    @classmethod
    def assemble(cls, *pieces: str | tuple[str, str]) -> Self:
        """Return a line of these pieces: a text, or a text with its style."""
        line = cls()
        for piece in pieces:
            if isinstance(piece, str):
                line.append(piece)
            else:
                line.append(*piece)
        return line

    def append(self, text: str, style: str = "") -> None:
        """Write on at the end of the line."""
        if text:
            self._pieces.append((text, style))

    def stylize(self, style: str) -> None:
        """Add a style to all pieces that there are now."""
        self._pieces = [(text, f"{before} {style}".strip()) for text, before in self._pieces]

    @property
    def plain(self) -> str:
        """The line without its styles."""
        return "".join(text for text, _ in self._pieces)

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return sum(map(cells, self.plain))

    def drawn(self, columns: int, *, coloured: bool) -> str:
        """Return what draws the line on a terminal: without what would move the cursor, and cut to so many columns.

        A line that is cut ends with an ellipsis.
        """
        pieces = [("".join(filter(str.isprintable, text)), style) for text, style in self._pieces]
        shown = "".join(text for text, _ in pieces)
        kept = fitted(shown, columns)
        cut = "" if kept == shown else kept[-1:]  # the ellipsis, if there is room for it
        left = len(kept) - len(cut)
        drawn = []
        for text, style in pieces:
            drawn.append(_styled(text[:left], style if coloured else ""))
            left -= len(text[:left])
        return "".join(drawn) + cut


def _styled(text: str, style: str) -> str:
    codes = ";".join(CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if text and codes else text

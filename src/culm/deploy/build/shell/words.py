"""A shell line's words and operators, with their quotes. Pure."""

from dataclasses import dataclass

OPERATORS = (
    "&&",
    "||",
    ";;",
    "|&",
    "<<<",
    "<<-",
    "<<",
    ">>",
    "&>",
    ">&",
    "<&",
    ">|",
    "|",
    "&",
    ";",
    "(",
    ")",
    "<",
    ">",
)
REDIRECTIONS = frozenset({"<<<", "<<-", "<<", ">>", "&>", ">&", "<&", ">|", "<", ">"})

BREAKS = " \t\n\\'\"`;&|<>()"
"""Where text without quotes ends."""


@dataclass
class Word:
    """Text with its quotes: pieces of `(text, quote)`, quote being `'`, `"` or nothing."""

    pieces: list[tuple[str, str]]

    @property
    def bare(self) -> str | None:
        """Its text if nothing of it is quoted: only then it may be `if`, `then`, `fi`."""
        return "".join(t for t, _ in self.pieces) if all(q == "" for _, q in self.pieces) else None


@dataclass
class Operator:
    text: str


Token = Word | Operator


class Unfinished(Exception):
    """A quote or a keyword that does not end."""


def tokens(text: str) -> list[Token]:
    """Return the words and operators of a shell line, comments left out. Raises Unfinished for a quote without end."""
    return Scanner(text).tokens()


class Scanner:
    """Goes through a shell line. `at` is the next character; `pieces` are those of the word that it is in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.pieces: list[tuple[str, str]] = []
        self.listed: list[Token] = []

    def tokens(self) -> list[Token]:
        """Return the words and operators of the text. Raises Unfinished for a quote that is not closed."""
        while self.at < len(self.text):
            if not (self.blank() or self.quoted() or self.substitution() or self.operator()):
                self.bare()
        self.end_word()
        return self.listed

    def end_word(self) -> None:
        """End the word that is being read, if there is one."""
        if self.pieces:
            self.listed.append(Word(self.pieces))
            self.pieces = []

    def take(self, piece: str, quote: str, end: int) -> bool:
        """Add a piece to the word and go on at `end`. Returns True."""
        self.pieces.append((piece, quote))
        self.at = end
        return True

    def blank(self) -> bool:
        """Read blanks, the end of a line or a comment; return whether one stands here."""
        char = self.text[self.at]
        if char == "#" and not self.pieces:
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
            return True
        if char not in " \t\n":
            return False
        self.end_word()
        if char == "\n":
            self.listed.append(Operator(";"))
        self.at += 1
        return True

    def quoted(self) -> bool:
        """Read a backslash with its character, or text between quotes; return whether one stands here."""
        match self.text[self.at]:
            case "\\":
                escaped = self.text[self.at + 1 : self.at + 2]
                if escaped != "\n":
                    self.pieces.append((escaped, "'"))
                self.at += 2
                return True
            case "'":
                end = self.text.find("'", self.at + 1)
                if end < 0:
                    raise Unfinished
                return self.take(self.text[self.at + 1 : end], "'", end + 1)
            case '"':
                end, inner = double_quoted(self.text, self.at + 1)
                return self.take(inner, '"', end)
        return False

    def substitution(self) -> bool:
        """Take `$(...)` or backquotes as one piece, unexpanded. Returns whether there was one."""
        if not self.text.startswith(("$(", "`"), self.at):
            return False
        end = end_of_substitution(self.text, self.at)
        return self.take(self.text[self.at : end], "$", end)

    def operator(self) -> bool:
        """Take an operator such as `&&` or `>`. Returns whether there was one."""
        text = next((each for each in OPERATORS if self.text.startswith(each, self.at)), None)
        if text is None:
            return False
        if text in REDIRECTIONS and len(self.pieces) == 1 and self.pieces[0][1] == "" and self.pieces[0][0].isdecimal():
            self.pieces = []  # 2>: errors, which are not kept
            self.listed.append(Operator(f"2{text}"))
        else:
            self.end_word()
            self.listed.append(Operator(text))
        self.at += len(text)
        return True

    def bare(self) -> None:
        """Read characters without quotes, up to what ends them."""
        end = self.at
        while end < len(self.text) and self.text[end] not in BREAKS and not self.text.startswith("$(", end):
            end += 1
        self.take(self.text[self.at : end], "", end)


def double_quoted(text: str, at: int) -> tuple[int, str]:
    """Return where the text goes on behind the closing quote, and what is between the quotes. Raises Unfinished."""
    inner = ""
    while at < len(text):
        if text[at] == '"':
            return at + 1, inner
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\", "`", "\n"):
            inner += "" if text[at + 1] == "\n" else text[at + 1]
            at += 2
        elif text[at] == "\\" and text[at + 1 : at + 2] == "$":
            inner += "\0"  # a dollar that stays one
            at += 2
        else:
            inner += text[at]
            at += 1
    raise Unfinished


def end_of_substitution(text: str, at: int) -> int:
    """Return where the text goes on behind `$(...)` or a pair of backquotes. Raises Unfinished."""
    if text[at] == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise Unfinished
        return end + 1
    depth = 0
    for index in range(at + 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise Unfinished


def plain_text(word: Word) -> str:
    """Return a word's text without its quotes, and with its variables not expanded."""
    return "".join(text for text, _ in word.pieces)

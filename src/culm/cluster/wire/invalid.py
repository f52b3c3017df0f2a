"""What a client is told of a member that is not as its service's model has it."""

from typing import Any


class Key(str):
    """A step into a map: what stands there is the client's own word."""


class Invalid(Exception):
    """What is wrong with one member; `path` is filled, innermost first, on the way out."""

    def __init__(self, problem: str, *, missing: bool = False, unsupported: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.missing = missing
        self.unsupported = unsupported
        self._path: list[str | int] = []

    def within(self, step: str | int) -> "Invalid":
        """Add the step outside of those known so far."""
        self._path.append(step)
        return self

    @property
    def path(self) -> str:
        """`containerDefinitions[0].name`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(self._path))
        return text.removeprefix(".")

    @property
    def amazons_path(self) -> str:
        """As AWS's validators spell it: `containerDefinitions.1.member.name`; members begin small, lists with 1."""
        steps = (
            f"{step + 1}.member"
            if isinstance(step, int)
            else step
            if isinstance(step, Key)
            else step[0].lower() + step[1:]
            for step in reversed(self._path)
        )
        return ".".join(steps)

    def message(self, *, quoted: bool = False) -> str:
        """Return what the client is told. `quoted`: in the words of ECR, which names the member and quotes the rest."""
        if self.unsupported:
            return f"culm does not support {self.path}{self.problem}"
        if quoted:
            constraint = self.problem.partition(" failed to satisfy constraint: ")[2]
            constraint = constraint or self.problem.replace("{path}", self.amazons_path)
            return f"Invalid parameter at '{self.amazons_path}' failed to satisfy constraint: '{constraint}'"
        return f"1 validation error detected: {self.problem.replace('{path}', self.amazons_path)}"


def mistyped(value: Any, wanted: str) -> Invalid:
    return Invalid(f"Value at '{{path}}' must be of type {wanted}, not {type(value).__name__}")

"""Every error culm raises on purpose.

    Exception
    ├── CulmError            the user can fix it: what, why, what to try; printed, never a traceback
    │   ├── UsageError       the command or culm.yml is wrong; exit status 2
    │   ├── Differs          the answer is "no": a plan does not fit, a diff is not empty; exit status 3
    │   └── TimedOut         the target did not get there in time; exit status 4
    ├── AwsError             an error AWS documents, raised in `cluster.services` and `cluster.wire`, sent to the client
    ├── RuntimeFailure       a runtime could not do as told (image, port, start); becomes a task's stopped reason
    └── PlaneFailure         the data plane could not do as told; becomes its listeners' problem

Anything else is a bug: a traceback in the log, and a 500 with the request id for the client.
"""

from typing import Any


class CulmError(Exception):
    """A problem that the user can fix: `what` went wrong, and a `hint` of what to try."""

    exit_status = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UsageError(CulmError):
    exit_status = 2


class Differs(CulmError):
    exit_status = 3


class TimedOut(CulmError):
    exit_status = 4


class AwsError(Exception):
    """An error of an AWS API: its documented `code`, the message, the HTTP status and any modelled members."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class RuntimeFailure(Exception):
    """A runtime's refusal, named as the ECS agent names it: `CannotPullContainerError`, `CannotStartContainerError`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class PlaneFailure(Exception):
    """The data plane's refusal: `BinaryNotFound`, `CannotStart`, `ConfigurationRefused`, `NotAnswering`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message

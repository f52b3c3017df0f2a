"""What the balancer asks of whatever carries the requests.

Two implementations: `haproxy`, and `fake` (in memory; shipped, and held to the same contract suite,
`tests/contracts/test_dataplane.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Literal, Protocol

from culm.core.model.load_balancers import ProtocolVersion, Rule
from culm.core.model.record import record


@record
class Target:
    address: str
    port: int
    draining: bool = False
    """Gets no new requests; those in flight go on. One that is left out altogether loses those, too."""
    socket: str = ""
    """A unix socket in the plane's folder, which answers in place of tasks; empty: `address` and `port` do."""

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}" if not self.socket else self.address

    @property
    def where(self) -> str:
        """Return where it is connected to."""
        return f"unix@{self.socket}" if self.socket else f"{self.address}:{self.port}"


@record
class Group:
    """A target group and the targets that take part now."""

    arn: str
    name: str
    """Unique among all groups."""
    targets: tuple[Target, ...] = ()
    protocol_version: ProtocolVersion = "HTTP1"
    """What its targets speak; requests of another kind are answered with 464."""
    tls: bool = False
    """Whether they speak it inside of TLS; whatever certificate they show is taken."""
    algorithm: Literal["round_robin", "least_outstanding_requests"] = "round_robin"
    slow_start_seconds: int = 0
    """0: a new target gets its full share at once."""
    sticky_seconds: int = 0
    """How long a client keeps its target, by the AWSALB cookie; 0: it does not."""
    app_cookie: str = ""
    """A cookie of the application's: a client keeps its target, by AWSALBAPP, from when a target sets it. Empty: from
    its first request."""
    idle_timeout_seconds: int = 60
    adds_client: bool = True
    """Whether a request without X-Forwarded-For gets it here, with the client's address."""
    uncounted: tuple[str, ...] | None = None
    """Requests that `attended` leaves out: parts of User-Agents and, with a slash, beginnings of paths. None: the
    group's requests are not counted there at all."""


@record
class Attention:
    """The requests of one group that count."""

    requests: int
    """Since the plane was started or reconfigured."""
    in_flight: int


@record
class Certificate:
    """For one domain or several."""

    name: str
    """Of a file; another one for other content."""
    pem: str = field(repr=False)
    """The certificate, those above it, and its private key."""


@record
class Tls:
    """How a listener speaks TLS."""

    certificates: tuple[Certificate, ...]
    """The first one is for clients that name no domain, or one that no other is for. None at all: who terminates TLS
    stands in front, and passes connections on decrypted."""
    oldest: str = "TLSv1.2"
    newest: str = "TLSv1.3"
    http2: bool = True
    """Whether HTTP/2 is offered."""


@record
class SignIn:
    """How the requests of a rule are judged that only users who have signed in may send; `sign_in` makes sessions."""

    cookie: str
    """The name of a session's cookies, without their numbers."""
    binding: str
    """What a session must be for."""
    key: bytes = field(repr=False)
    """What opens it."""
    unknown: Literal["deny", "allow", "authenticate"]
    """What becomes of a request without a session."""


ForwardedFor = Literal["append", "preserve", "remove"]
"""What becomes of X-Forwarded-For: the client's address comes to it, it stays as it came, or it goes."""


@record
class Listener:
    port: int
    rules: tuple[Rule, ...]
    """In the order of evaluation; the last is the default rule."""
    idle_timeout_seconds: int = 60
    tls: Tls | None = None
    """None: plain HTTP."""
    forwarded_for: ForwardedFor = "append"
    client_port: bool = False
    """Whether an address that comes to X-Forwarded-For has the client's port."""
    access_log: bool = False
    """Whether a line of each request is sent to `access_lines.SOCKET` in the plane's folder."""
    drops_invalid_headers: bool = False
    """Whether a header of a request is left out whose name has anything but letters, digits and hyphens."""
    sign_ins: Mapping[str, SignIn] = field(default_factory=dict)
    """By ARN: rules whose users must have signed in."""
    response_headers: tuple[tuple[str, str], ...] = ()
    """Names and values that every response gets, in place of what it has; an empty value takes the header away."""


_STEP = 4 / 3
RESPONSE_BOUNDS = tuple(round(500 * _STEP**number) for number in range(42))
"""Classes of response times: up to the first bound, up to the second, ..., above the last. Microseconds; 0.5 ms to 66 s

Each is a third longer than the one before, so that a percentile read from them is off by a sixth at most.
"""


def typical_seconds(number: int) -> float:
    """Return the response time that stands for all of a class, in seconds: the middle of its bounds' logarithms."""
    last = len(RESPONSE_BOUNDS) - 1
    return float(RESPONSE_BOUNDS[min(number, last)] * _STEP ** (number - min(number, last) - 0.5) / 1e6)


@record
class Traffic:
    """Counts of one target since the plane was first started, however often it was reconfigured."""

    group: str
    """The group's name."""
    target: str
    """The target's name."""
    in_flight: int
    """Requests being answered now."""
    requests: int
    responses: Mapping[int, int]
    """By the first digit of their status, 2 to 5; the targets' own, not the plane's."""
    connection_errors: int
    response_milliseconds: int
    """Mean over the last 1,024 requests."""
    response_times: tuple[int, ...] = ()
    """How many of the target's responses began within each class of RESPONSE_BOUNDS; empty: none has yet."""


@record
class Outcome:
    """What of that which was wished is not carried, and why; all of it empty when everything is."""

    ports: Mapping[int, str] = field(default_factory=dict)
    """Of listeners that are not served."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """By ARN: rules that are left out. The requests they are for meet the rules behind them."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """By ARN: target groups that are left out. Rules that forward to them answer 503."""
    targets: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By their group's ARN and their name: targets that get no requests."""


class DataPlane(Protocol):
    """Outlives whoever drives it. Failures are `culm.errors.PlaneFailure` and nothing else."""

    def render(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> str:
        """Return the configuration that `apply` would give it, for people to read."""
        ...

    def watch(self, ended: Callable[[], None]) -> None:
        """Call `ended` whenever it ends without `stop`, as soon as that can be known.

        It may come late or never, as where the system does not tell: who needs to know looks as well.
        """
        ...

    @property
    def watched(self) -> bool:
        """Whether its end will be told for certain, so that nobody needs to look whether it still runs."""
        ...

    async def start(self) -> None:
        """Make ready: find what it needs. One that runs from before goes on, and the first `apply` adopts it."""
        ...

    async def apply(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> Outcome:
        """Make it so, without dropping a request. What cannot be carried costs that alone, and is told.

        Starts it if it is not running (any more). Applying what is there already is cheap and changes nothing.
        """
        ...

    async def metrics(self) -> Sequence[Traffic]:
        """Return the traffic of every target that it knows, those that drain too; empty when it does not run.

        Raises `PlaneFailure` when it runs and cannot tell.
        """
        ...

    def failures(self) -> Mapping[str, int]:
        """Return answers with status 5xx by group, as of the last `metrics`: the targets' own and the plane's."""
        ...

    async def attended(self) -> Mapping[str, Attention]:
        """Return, by group name, requests to groups that say which are `uncounted`, whoever answers.

        Empty when it does not run.
        """
        ...

    async def stop(self) -> None:
        """End it and every connection; stopping one that does not run is not an error."""
        ...

"""A data plane in memory, for tests: it carries a request by deciding where it would have gone."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from culm.cluster.balancer import sessions
from culm.cluster.balancer.interface import Attention, Group, Listener, Outcome, Traffic
from culm.core.decide.listener_rules import Request, choose
from culm.core.model.record import record
from culm.errors import PlaneFailure


@record
class Carried:
    status: int
    target: str | None = None
    """The name of the target that was asked; None: the plane answered by itself."""


class FakePlane:
    """Set `taken` (ports that others have), `refused` (ARNs of rules and groups, names of targets) and `broken` to make
    it fail; `in_flight` to keep requests under way, `failed` for answers with status 5xx by group.
    """

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self.groups: tuple[Group, ...] = ()
        self.running = False
        self.taken: dict[int, str] = {}
        self.refused: dict[str, str] = {}
        self.broken: PlaneFailure | None = None
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self.failed: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._attended: Counter[str] = Counter()
        self._on_end: Callable[[], None] = lambda: None
        self.watched = False
        self.now = 0.0
        """Epoch seconds: sessions that end later are good."""
        self.applied = 0
        """How often it was told what to carry."""

    def render(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> str:
        ports = [f"listener {listener.port}: {len(listener.rules)} rules" for listener in listeners]
        members = [f"group {group.name}: {' '.join(target.name for target in group.targets)}" for group in groups]
        return "\n".join([*ports, *members])

    def watch(self, ended: Callable[[], None]) -> None:
        self._on_end = ended

    def die(self) -> None:
        """End as a process that is killed."""
        self.running = False
        self._on_end()

    async def start(self) -> None:
        """Do nothing, or raise `broken`, if a test has set that."""
        if self.broken:
            raise self.broken

    async def apply(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> Outcome:
        """Take the wish over without the rules that a test has marked as refused. Raises `broken`, if that is set."""
        if self.broken:
            raise self.broken
        self.running = True
        self.applied += 1
        refused = self.refused
        self.listeners = tuple(
            replace(each, rules=tuple(rule for rule in each.rules if rule.rule_arn not in refused))
            for each in listeners
            if each.port not in self.taken
        )
        self.groups = tuple(
            replace(group, targets=tuple(t for t in group.targets if t.name not in refused))
            for group in groups
            if group.arn not in refused
        )
        rules = {rule.rule_arn for listener in listeners for rule in listener.rules}
        targets = [(group.arn, target.name) for group in groups for target in group.targets]
        return Outcome(
            ports={each.port: self.taken[each.port] for each in listeners if each.port in self.taken},
            rules={arn: why for arn, why in refused.items() if arn in rules},
            groups={group.arn: refused[group.arn] for group in groups if group.arn in refused},
            targets={each: refused[each[1]] for each in targets if each[1] in refused},
        )

    async def metrics(self) -> Sequence[Traffic]:
        """Return the counters that a test has set."""
        return [
            Traffic(
                group=group.name,
                target=target.name,
                in_flight=self.in_flight[group.name, target.name],
                requests=self._requests[group.name, target.name],
                responses={2: self._requests[group.name, target.name], 3: 0, 4: 0, 5: 0},
                connection_errors=0,
                response_milliseconds=0,
            )
            for group in (self.groups if self.running else ())
            for target in group.targets
        ]

    def failures(self) -> Mapping[str, int]:
        """Return what a test has set."""
        return dict(self.failed)

    async def attended(self) -> Mapping[str, Attention]:
        """Return the requests that were carried and count."""
        watched = [group.name for group in self.groups if group.uncounted is not None and self.running]
        return {name: Attention(requests=self._attended[name], in_flight=0) for name in watched if self._attended[name]}

    async def stop(self) -> None:
        self.running = False

    def carry(self, port: int, request: Request) -> Carried:
        """Return where a request goes now, and the status that comes back from a target that answers 200."""
        listener = next(each for each in self.listeners if self.running and each.port == port)
        if listener.sign_ins and request.path == sessions.CALLBACK:
            return Carried(status=302)
        rule = choose(listener.rules, request)
        user = listener.sign_ins.get(rule.rule_arn)
        if user is not None and user.unknown != "allow" and not sessions.lives(user, request.headers, self.now):
            return Carried(status=401 if user.unknown == "deny" else 302)
        action = rule.actions[-1]
        if action.redirect_config:
            return Carried(status=int(action.redirect_config.status_code.removeprefix("HTTP_")))
        if action.fixed_response_config:
            return Carried(status=int(action.fixed_response_config.status_code))
        arns = [group.target_group_arn for group in action.target_groups if group.weight != 0]
        able = [
            (group.name, target.name)
            for group in self.groups
            for target in group.targets
            if group.arn in arns and not target.draining
        ]
        if not able:
            return Carried(status=503)
        group_and_target = min(able, key=lambda each: self._requests[each])
        self._requests[group_and_target] += 1
        [group] = [each for each in self.groups if each.name == group_and_target[0]]
        agent = next((value for name, value in request.headers if name.lower() == "user-agent"), "")
        if not any(_left_out(part, request.path, agent) for part in group.uncounted or ()):
            self._attended[group.name] += 1
        return Carried(status=200, target=group_and_target[1])


def _left_out(part: str, path: str, agent: str) -> bool:
    return path.startswith(part) if part.startswith("/") else part.lower() in agent.lower()

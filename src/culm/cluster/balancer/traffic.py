"""What the load balancer carried, as CloudWatch's AWS/ApplicationELB metrics.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from culm.cluster.balancer.interface import DataPlane, Traffic, typical_seconds
from culm.cluster.store import metrics
from culm.cluster.store.db import Store
from culm.core.model.arn import resource
from culm.core.model.load_balancers import RegisteredTarget, TargetGroup
from culm.core.model.metrics import Metric, Point, metric, sample
from culm.core.model.record import record

MEASURE_SECONDS = 5.0
NAMESPACE = "AWS/ApplicationELB"


@record
class Carried:
    """Of one target group, since the look before."""

    requests: int
    responses: Mapping[int, int]
    failures: int
    """Answers with status 5xx that the load balancer gave by itself."""
    connection_errors: int
    seconds: float
    """That its targets took for all requests together."""
    times: Mapping[float, float]
    """How many responses took how many seconds."""


class Meter:
    def __init__(self, store: Store, plane: DataPlane) -> None:
        self._store = store
        self._plane = plane
        self._last: dict[tuple[str, str], Traffic] | None = None
        """By group and target. None before the first look: what was carried before it is not ours to tell."""
        self._failures: Mapping[str, int] = {}
        """By group: answers with status 5xx, the load balancer's own among them."""
        self._next = 0.0

    async def look(
        self,
        groups: Mapping[str, TargetGroup],
        balanced: Mapping[str, str],
        targets: Sequence[RegisteredTarget],
        now: float,
    ) -> None:
        """Write down what happened since the last look, if that is a while ago. `balanced`: each group's balancer."""
        if now < self._next:
            return
        self._next = now + MEASURE_SECONDS
        traffic = await self._plane.metrics()
        failures = self._plane.failures()
        points: list[tuple[Metric, Point]] = []
        for arn, group in groups.items():
            own = [each for each in targets if each.target_group_arn == arn and each.deregistered_at is None]
            name = group.target_group_name
            failed = failures.get(name, 0) - self._failures.get(name, 0)
            carried = self._carried([each for each in traffic if each.group == name], failed)
            points += _points(arn, balanced[arn], own, carried, now)
        self._failures = {**self._failures, **failures}
        if traffic or self._last is None:  # a plane that does not answer has not begun anew
            self._last = {(each.group, each.target): each for each in traffic}
        if points:
            await self._store.run(lambda db: metrics.add(db, points))

    def _carried(self, traffic: Sequence[Traffic], failed: int) -> Carried:
        """Return what one group carried since the last look; `failed` of its answers had status 5xx, whosever."""
        known = self._last
        pairs = [(each, known.get((each.group, each.target))) for each in traffic] if known is not None else []
        requests = [each.requests - (before.requests if before else 0) for each, before in pairs]
        responses = {
            digit: sum(each.responses[digit] - (before.responses[digit] if before else 0) for each, before in pairs)
            for digit in range(2, 6)
        }
        times: Counter[float] = Counter()
        for each, earlier in pairs:
            classes = zip_longest(each.response_times, earlier.response_times if earlier else (), fillvalue=0)
            times.update(
                {typical_seconds(number): now - then for number, (now, then) in enumerate(classes) if now > then}
            )
        return Carried(
            requests=sum(requests),
            responses=responses,
            failures=max(0, failed - responses[5]) if known is not None else 0,
            connection_errors=sum(
                each.connection_errors - (before.connection_errors if before else 0) for each, before in pairs
            ),
            seconds=sum(
                many * each.response_milliseconds / 1000 for many, (each, _) in zip(requests, pairs, strict=True)
            ),
            times=times,
        )


def _points(
    arn: str, load_balancer_arn: str, targets: Sequence[RegisteredTarget], carried: Carried, now: float
) -> Iterator[tuple[Metric, Point]]:
    """Return points for the load balancer and for the target group; zeros are left out, as on AWS."""
    balancer = {"LoadBalancer": resource(load_balancer_arn).removeprefix("loadbalancer/")}
    group = {**balancer, "TargetGroup": resource(arn)}
    healthy = sum(each.state == "healthy" for each in targets)
    for name, value in (("HealthyHostCount", healthy), ("UnHealthyHostCount", len(targets) - healthy)):
        yield metric(NAMESPACE, name, **group), sample(now, value, "Count")
    counts = {
        "RequestCount": carried.requests,
        **{f"HTTPCode_Target_{digit}XX_Count": many for digit, many in carried.responses.items()},
        "TargetConnectionErrorCount": carried.connection_errors,
    }
    for name, many in counts.items():
        for dimensions in (balancer, group) if many > 0 else ():
            yield metric(NAMESPACE, name, **dimensions), sample(now, many, "Count")
    if carried.failures > 0:
        yield metric(NAMESPACE, "HTTPCode_ELB_5XX_Count", **balancer), sample(now, carried.failures, "Count")
    if carried.requests > 0:
        point = _response_time(carried, now)
        for dimensions in (balancer, group):
            yield metric(NAMESPACE, "TargetResponseTime", **dimensions), point
        if targets:
            each = sample(now, carried.requests / len(targets), "Count")
            yield metric(NAMESPACE, "RequestCountPerTarget", **group), each


def _response_time(carried: Carried, now: float) -> Point:
    """Return TargetResponseTime with the classes that responses fell into; before there are any, the mean alone."""
    mean = carried.seconds / carried.requests
    samples = sum(carried.times.values())
    if not samples:
        return Point(at=now, samples=carried.requests, sum=carried.seconds, minimum=mean, maximum=mean, unit="Seconds")
    return Point(
        at=now,
        samples=samples,
        sum=mean * samples,
        minimum=min(carried.times),
        maximum=max(carried.times),
        unit="Seconds",
        values=carried.times,
    )

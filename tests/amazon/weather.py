"""Amazon on a bad day, by a seed: calls that are throttled, looks that see the past, refusals that pass.

`Weather(seed)` is a rule for `Wire`: asked before a call is sent, it answers instead of AWS, or lets it through. What
it does depends on the seed, the call and how often that was sent, and on no clock and no other thread; so a seed that
fails, fails again. It never refuses one call more than TRIES times in a row: AWS's own clients try five times.

Whatever the weather, `culm up` ends well, and the second `up` writes nothing.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.amazon.wire import READS, Answer

TRIES = 2
THROTTLED, STALE = 0.06, 0.5
"""Shares of calls, and of looks just after a creation."""


@dataclass(frozen=True)
class Bucket:
    """Tokens, one a call; filled at a rate a second. https://en.wikipedia.org/wiki/Token_bucket"""

    size: int
    rate: float
    source: str


BUCKETS = {
    "ecs": Bucket(50, 20, "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html"),
    "elbv2": Bucket(
        40, 10, "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html"
    ),
}
"""Of looks: the cluster reads of ECS and the non-mutating actions of ELB, as their pages have them."""
CALL_SECONDS = 0.02
"""How long a call takes by the clock of the buckets, which is no clock of this machine."""

CODES = {"ec2": "RequestLimitExceeded", "s3": "SlowDown", "elbv2": "Throttling"}
"""How a service says that it is asked too often; the others say ThrottlingException.
https://docs.aws.amazon.com/general/latest/gr/api-retries.html"""
UNSEEN: Mapping[str, tuple[str, Answer]] = {
    "ecr.CreateRepository": ("ecr.DescribeRepositories", Answer(status=200, body='{"repositories": []}')),
    "iam.CreateRole": ("iam.GetRole", Answer("NoSuchEntity", "cannot be found", 404)),
    "logs.CreateLogGroup": ("logs.DescribeLogGroups", Answer(status=200, body='{"logGroups": []}')),
    "ecs.RunTask": ("ecs.DescribeTasks", Answer(status=200, body='{"tasks": [], "failures": []}')),
    "ecs.CreateService": ("ecs.DescribeServices", Answer(status=200, body='{"services": [], "failures": []}')),
}
"""A creation, the look that may not see it for a while, and what that look is told.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html (eventual consistency)
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency"""
NOT_YET: Mapping[str, Answer] = {
    "ecs.CreateService": Answer(
        "InvalidParameterException", "The target group does not have an associated load balancer."
    ),
}
"""What is built on something new may be refused at first."""


class Weather:
    """One seed's. Threads may share it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.did: Counter[str] = Counter()
        """What it did, by kind."""
        self._hidden: Counter[str] = Counter()
        """How many looks more see nothing, by look."""
        self._refused: Counter[str] = Counter()
        """How often in a row, by call."""
        self._tokens = {name: float(bucket.size) for name, bucket in BUCKETS.items()}
        self._lock = threading.Lock()

    def __call__(self, call: str, times: int) -> Answer | None:
        with self._lock:
            answer = self._answer(call, times)
            self._refused[call] = self._refused[call] + 1 if answer is not None and answer.status >= 400 else 0
            return answer

    def _answer(self, call: str, times: int) -> Answer | None:
        service, _, operation = call.partition(".")
        reads = operation.startswith(READS)
        if self._refused[call] < TRIES and (self._is_empty(service, reads) or self._chance(call, times) < THROTTLED):
            self.did["throttled"] += 1
            return Answer(CODES.get(service, "ThrottlingException"), "Rate exceeded", 503 if service == "s3" else 400)
        if call in NOT_YET and times == 1 and self._chance(f"not yet {call}", times) < STALE:
            self.did["refused at first"] += 1
            return NOT_YET[call]
        if call in UNSEEN and UNSEEN[call][0] not in self._hidden:  # it ends: who makes it again is shown it
            looks = 1 + int(self._chance(f"looks {call}", 0) * 2)
            self._hidden[UNSEEN[call][0]] = looks if self._chance(f"unseen {call}", 0) < STALE else 0
        if self._hidden[call] > 0:
            self._hidden[call] -= 1
            self.did["not seen yet"] += 1
            return next(answer for look, answer in UNSEEN.values() if look == call)
        return None

    def _is_empty(self, service: str, reads: bool) -> bool:
        """Take a token of the service's bucket of looks; whether there was none."""
        for name, bucket in BUCKETS.items():
            self._tokens[name] = min(bucket.size, self._tokens[name] + bucket.rate * CALL_SECONDS)
        if service not in BUCKETS or not reads:
            return False
        if self._tokens[service] < 1:
            return True
        self._tokens[service] -= 1
        return False

    def _chance(self, what: str, times: int) -> float:
        return Random(f"{self.seed} {what} {times}").random()

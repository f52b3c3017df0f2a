"""When to probe a container and what the answers mean; Docker's rules, which ECS keeps.

https://docs.docker.com/reference/dockerfile/#healthcheck
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from culm.cluster.instance.runtime.process.shim.files import ProbePlan


class Health:
    """Times are seconds of a clock that never goes back."""

    def __init__(self, probe: ProbePlan, started_at: float) -> None:
        self.status = "UNKNOWN"
        self._probe = probe
        self._grace_ends_at = started_at + probe["start_period"]
        self._failures = 0
        self.due_at = started_at + probe["interval"]

    def answered(self, ok: bool, at: float) -> None:
        """Count an answer; failures during the start period do not count until the first success."""
        self.due_at = at + self._probe["interval"]
        if ok:
            self._failures = 0
            self.status = "HEALTHY"
            return
        if self.status == "UNKNOWN" and at < self._grace_ends_at:
            return
        self._failures += 1
        if self._failures >= self._probe["retries"]:
            self.status = "UNHEALTHY"

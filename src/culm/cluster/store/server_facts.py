"""What the loops over database servers report of one."""

from culm.core.model.record import record


@record
class ServerFacts:
    status: str
    reason: str
    """Why it cannot be made; empty: it can."""
    address: str | None
    port: int | None

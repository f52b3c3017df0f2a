"""All that a comparison needs to know of a target: one look, no verdicts."""

from collections.abc import Mapping, Sequence

from culm.core.model.record import record
from culm.plan.observed import Described, Survey
from culm.plan.wishes import Images


@record
class LiveRole:
    """A task role beyond the one policy that culm gives it."""

    trust: Described
    """Who may assume it: a policy document."""
    inline: frozenset[str]
    """Names of its own policies."""
    attached: frozenset[str]
    """ARNs of managed policies."""


@record
class LiveState:
    survey: Survey
    images: Images | None
    """Those of the folders as they are now, as far as they are built; None: nobody asked."""
    gone: frozenset[str]
    """Observed images, `uri@digest`, that their repositories have no more."""
    roles: Mapping[str, LiveRole]
    """By name."""
    now: float = 0.0
    """Epoch seconds."""
    attached_groups: Sequence[Described]
    """Target groups that the load balancer forwards to."""

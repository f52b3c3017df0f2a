"""Which services wait for which."""

from dataclasses import replace

from culm.plan.rollout import in_order
from culm.project.project import Project


def test_a_service_comes_after_those_that_it_waits_for(project: Project) -> None:
    accounts = replace(project.services["accounts"], after=("web",))
    changed = replace(project, services={**project.services, "accounts": accounts})
    assert in_order(project, ["accounts", "web"]) == ["accounts", "web"]
    assert in_order(changed, ["accounts", "web"]) == ["web", "accounts"]
    assert in_order(changed, ["accounts"]) == ["accounts"]

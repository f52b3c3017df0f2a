"""`culm status`'s JSON before a first deploy; and services of previews, found by their target groups' names."""

from dataclasses import replace
from pathlib import Path

from tests.serving import served

from culm import render
from culm.core.decide.ledger import Need
from culm.operate import status
from culm.operate.drift.services import grouped
from culm.operate.usage import Sized, queries
from culm.plan import scaling
from culm.plan.observed import Observed, Survey
from culm.project.load import load
from culm.project.previews import preview
from culm.project.project import Project, Scaling
from culm.project.values import Range, Scale
from culm.target.connection import StaticCredentials, Target


def test_json_before_a_first_deploy_has_every_key_and_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text(
        "name: shop\nservices:\n  web: {image: nginx:1, port: 8000}\n"
        '  report: {image: nginx:1, schedule: "0 * * * *"}\n'
    )
    project = load(tmp_path / "culm.yml")
    with served(tmp_path) as endpoint:
        target = Target(project.targets["local"], endpoint, StaticCredentials(access_key="a", secret_key="b"))
        before = status.status(target, project)
        target.client("ecs").create_cluster(clusterName="shop")
        after = status.status(target, project)
    assert before.keys() == after.keys()
    assert before["missing"] == after["missing"] == ["web"]
    assert (before["endpoint"], before["load_balancer"], before["jobs"]) == (endpoint, None, [])


def test_a_previews_target_group_is_looked_up_by_its_own_name(
    project: Project, live: Observed, around: render.Surroundings
) -> None:
    derived = preview(project, "local", "pr-1", ["web"])
    [service] = derived.services.values()
    name = render.group_name(derived, service)
    assert name != render.family(derived, service)
    arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-pr-1-P-web/1"
    group = {**render.target_group(derived, service, around), "TargetGroupArn": arn}
    balancer = {"LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/bamboo/1"}
    observed = replace(live, target_groups={name: group}, load_balancer=balancer)
    surveyed = Survey(observed=observed, surroundings=around)

    requests = Scaling(bounds=Range(least=1, most=4), by=Scale(metric="requests", value=60))
    assert "targetgroup/bamboo-pr-1-P-web/1" in str(scaling.wanted_policy(derived, service, requests, observed))
    sized = Sized(name=service.name, need=Need(cpu=128, memory=200), since=0.0, balanced=True)
    asked = queries(derived, [sized], surveyed)
    assert "requests" in {query.what for query in asked}
    assert grouped(derived, service, observed).target_groups == {name: group}

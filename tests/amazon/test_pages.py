"""`culm open` of a target on AWS: every page shows there what it shows of a local cluster, or says why it cannot."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.exceptions import ClientError
from tests.amazon.conftest import Shop

from culm.cli.open import prices_of
from culm.errors import UsageError
from culm.operate.snapshot.look import Looker
from culm.target.clock import now
from culm.web import prometheus
from culm.web.jobs import Jobs
from culm.web.pages import Site
from culm.web.reads import Reads
from culm.web.views.layout import PageFrame, document
from culm.web.watcher import Watcher

LINE = '{"level": "error", "message": "no such table", "path": "/orders/7"}'
PAGES = {
    "/": ("2 of 2 services well", "accounts", "web", "t2.micro", "/s", "10 %", "250 ms"),
    "/tasks": ("accounts", "web", "running"),
    "/services/web": ("/*", "128.0 MiB", "50.0 %", "no such table"),
    "/services/accounts": ("/accounts/*", "exited with code 0"),
    "/events": ("deploy of #1 completed",),
    "/logs": ("no such table",),
    "/logs?q=table": ("no such table",),
    "/routes?path=/accounts/7": ("/accounts/*", "accounts"),
    "/migrations": ("accounts",),
    "/images": ("bamboo/web", "bamboo/accounts-migrate"),
    "/vault": ("accounts/settings.yml",),
    "/cost": ("$", "t2.micro"),
    "/confirm?do=restart+web": ("culm restart web",),
}
"""Words that must be on each page."""


@dataclass
class Viewer:
    """The pages of a target, as `culm open` makes them for a browser."""

    site: Site

    def text(self, url: str) -> str:
        parts = urlsplit(url)
        shown = self.site.page(parts.path, dict(parse_qsl(parts.query)))
        frame = PageFrame(path=parts.path, title=shown.title, theme="", may_act=True, live="")
        assert shown.status == 200, url
        return document(frame, self.site.watcher.snapshot(), shown.content)


def publish(shop: Shop) -> None:
    """Put into CloudWatch what Amazon measures by itself: a tenth of forty requests a second fails."""
    cloudwatch, elb = shop.account.client("cloudwatch"), shop.account.client("elbv2")
    [balancer] = elb.describe_load_balancers(Names=["bamboo"])["LoadBalancers"]
    [group] = elb.describe_target_groups(Names=["bamboo-web"])["TargetGroups"]
    behind = [
        {"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition("loadbalancer/")[2]},
        {"Name": "TargetGroup", "Value": group["TargetGroupArn"].rpartition(":")[2]},
    ]
    service = [{"Name": "ClusterName", "Value": "bamboo"}, {"Name": "ServiceName", "Value": "web"}]
    begin = datetime.now(UTC) - timedelta(minutes=8)
    for minute in range(9):
        at = begin + timedelta(minutes=minute)
        for namespace, dimensions, values in (
            ("AWS/ApplicationELB", behind, {"RequestCount": 2400, "HTTPCode_Target_5XX_Count": 240}),
            ("AWS/ApplicationELB", behind, {"TargetResponseTime": 0.25}),
            ("AWS/ECS", service, {"MemoryUtilization": 50, "CPUUtilization": 50}),
        ):
            data: list[Any] = [
                {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
                for name, value in values.items()
            ]
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def furnish(shop: Shop) -> None:
    """Deploy all, and let there be log lines and a configuration file."""
    shop.up()
    logs, at = shop.account.client("logs"), int(now() * 1000)
    logs.create_log_stream(logGroupName="/culm/bamboo/web", logStreamName="web/web/1")
    events = [{"timestamp": at - 5000, "message": LINE}]
    logs.put_log_events(logGroupName="/culm/bamboo/web", logStreamName="web/web/1", logEvents=events)
    shop.account.client("s3").put_object(
        Bucket="culm-bamboo-123456789012-us-east-1", Key="stg/accounts/settings.yml", Body=b"password: hush-hush"
    )


@pytest.fixture
def viewer(shop: Shop) -> Viewer:
    """Somebody who looks at a target to which all is deployed."""
    furnish(shop)
    project = shop.project
    watcher = Watcher(Looker(shop.target, project, now), prices_of(shop.target), lambda: None)
    jobs = Jobs(project.root, project.targets["stg"], now=now, done=lambda: None, stop_task=lambda id: None)
    reads = Reads(shop.target, project, now)
    return Viewer(
        Site(watcher=watcher, reads=reads, jobs=jobs, folder=shop.folder, may_act=True, token="t"),
    )


def test_every_page_of_a_target_on_aws_shows_what_is_there(shop: Shop, viewer: Viewer) -> None:
    publish(shop)
    texts = {url: viewer.text(url) for url in PAGES}
    assert [(url, word) for url, words in PAGES.items() for word in words if word not in texts[url]] == []
    assert [url for url, text in texts.items() if "cannot be" in text or "hush-hush" in text] == []
    numbers = prometheus.text(viewer.site.watcher.snapshot()).splitlines()
    assert [line for line in numbers if line.startswith('culm_service_error_ratio{service="web"} 0.1')] != []


def test_what_pages_show_is_there_as_json(shop: Shop, viewer: Viewer) -> None:
    def shown(page: str) -> Any:
        return json.loads(shop.culm("open", "--json", "--page", page))

    trial = shown("/routes?path=/accounts/7")["trials"][0]
    assert trial["matched"] is True
    assert {image["repository"] for image in shown("/images")} == {
        *("bamboo/accounts", "bamboo/accounts-migrate", "bamboo/web")
    }
    assert "stg/accounts/settings.yml" in [file["name"] for file in shown("/vault")]
    assert shown("/services/web")["service"]["name"] == "web"
    assert [line["text"] for line in shown("/logs?q=table")["lines"]] == [LINE]
    assert shown("/plan?load=2").keys() == {"question", "answer"}
    assert [each["name"] for each in shown("/tasks")["services"]] == ["accounts", "web"]
    with pytest.raises(UsageError, match="no page /nowhere"):
        shown("/nowhere")
    with pytest.raises(UsageError, match="printable ASCII"):
        shown("/routes?path=/ä")


def test_what_aws_refuses_of_numbers_leaves_all_else_on_the_page(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        why = "User: x is not authorized to perform: cloudwatch:GetMetricData"
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": why}}, "GetMetricData")

    monkeypatch.setattr(Looker, "_task_queries", refused)
    text = viewer.text("/")
    assert "not shown, because it cannot be had: metrics: you may not cloudwatch:GetMetricData on *" in text
    assert "2 of 2 services well" in text

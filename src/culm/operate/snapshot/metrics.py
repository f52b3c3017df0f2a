"""Which CloudWatch metrics a snapshot needs, and what they answered; pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-metrics-ECS.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.operate.snapshot.observed import Graph
from culm.plan.observed import Described

MOST_AT_ONCE = 500
"""Queries in one GetMetricData."""
PERIOD_SECONDS = 60
BALANCER = "AWS/ApplicationELB"
ECS = "AWS/ECS"
INSIGHTS = "ECS/ContainerInsights"
OF_TASKS = {"TaskMemoryUtilization": "memory", "TaskCpuUtilization": "cpu"}
"""Per cent of what a task reserves."""
OF_TRAFFIC = (
    ("requests", "RequestCount", "Sum"),
    ("errors", "HTTPCode_Target_5XX_Count", "Sum"),
    ("refused", "TargetConnectionErrorCount", "Sum"),
    ("mean", "TargetResponseTime", "Average"),
    ("p50", "TargetResponseTime", "p50"),
    ("p95", "TargetResponseTime", "p95"),
    ("p99", "TargetResponseTime", "p99"),
)
OF_ANSWERS = tuple((f"{digit}xx", f"HTTPCode_Target_{digit}XX_Count", "Sum") for digit in (2, 3, 4))
"""Besides `errors`, which are those with 5xx."""
OF_USAGE = (
    ("memory", "MemoryUtilization", "Average"),
    ("memory_peak", "MemoryUtilization", "Maximum"),
    ("cpu", "CPUUtilization", "Average"),
)


@record
class Query:
    of: str
    """A service's name, or a task's id."""
    what: str
    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]

    def asked(self, id: str, period: int = PERIOD_SECONDS) -> dict[str, Any]:
        """Return it as GetMetricData takes it; `period` is in seconds."""
        return {
            "Id": id,
            "MetricStat": {
                "Metric": {
                    "Namespace": self.namespace,
                    "MetricName": self.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
                },
                "Period": period,
                "Stat": self.statistic,
            },
        }


def queries(cluster: str, services: Iterable[Described], balancer: Described | None, *, answers: bool) -> list[Query]:
    """Return all that is asked about services. `answers`: also how many answers of each status class there were."""
    of_traffic = (*OF_TRAFFIC, *OF_ANSWERS) if answers else OF_TRAFFIC
    asked: list[Query] = []
    for service in services:
        name = service["serviceName"]
        own = (("ClusterName", cluster), ("ServiceName", name))
        asked += [
            Query(of=name, what=what, namespace=ECS, name=metric, statistic=statistic, dimensions=own)
            for what, metric, statistic in OF_USAGE
        ]
        for group in [each["targetGroupArn"] for each in service.get("loadBalancers", ()) if "targetGroupArn" in each]:
            if balancer is None:
                continue
            dimensions = (
                ("LoadBalancer", resource(balancer["LoadBalancerArn"]).removeprefix("loadbalancer/")),
                ("TargetGroup", resource(group)),
            )
            asked += [
                Query(of=name, what=what, namespace=BALANCER, name=metric, statistic=statistic, dimensions=dimensions)
                for what, metric, statistic in of_traffic
            ]
    return asked


def of_task(task: str, what: str, metric: Described) -> list[Query]:
    """Return queries for average and maximum of a metric that ListMetrics named."""
    dimensions = tuple((d["Name"], d["Value"]) for d in metric["Dimensions"])
    return [
        Query(
            of=task,
            what=f"{what}{suffix}",
            namespace=metric["Namespace"],
            name=metric["MetricName"],
            statistic=statistic,
            dimensions=dimensions,
        )
        for suffix, statistic in (("", "Average"), ("_peak", "Maximum"))
    ]


def answered(asked: Sequence[Query], pages: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Graph]:
    """Return GetMetricData's pages by what was asked; a result may be spread over several of them."""
    values: dict[str, dict[float, float]] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            points = zip(result["Timestamps"], result["Values"], strict=True)
            values.setdefault(result["Id"], {}).update((at.timestamp(), value) for at, value in points)
    return {
        (query.of, query.what): Graph(step=PERIOD_SECONDS, values=values.get(f"q{index}", {}))
        for index, query in enumerate(asked)
    }

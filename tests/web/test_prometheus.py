"""What Prometheus reads of a page."""

from tests.operate.snapshot.described import about, graph, observed

from culm.operate.snapshot.compose import compose
from culm.operate.snapshot.metrics import queries
from culm.web import prometheus

ORDERS = {"serviceName": "orders", "loadBalancers": [{"targetGroupArn": "arn:aws:x:y:z:targetgroup/orders/1"}]}
BALANCER = {"LoadBalancerArn": "arn:aws:x:y:z:loadbalancer/app/bamboo/1"}


def test_answers_are_counted_by_their_class():
    measured = {
        ("orders", "requests"): graph({30: 120}),
        ("orders", "errors"): graph({30: 12}),
        ("orders", "2xx"): graph({30: 96}),
        ("orders", "3xx"): graph({}),
        ("orders", "4xx"): graph({30: 12}),
    }
    lines = prometheus.text(compose(about(), observed(metrics=measured))).splitlines()
    answers = dict(line.rsplit(" ", 1) for line in lines if line.startswith("culm_service_responses_per_second{"))
    assert set(answers) == {
        f'culm_service_responses_per_second{{service="orders",class="{kind}"}}' for kind in ("2xx", "3xx", "4xx", "5xx")
    }
    good, moved, bad, wrong = (float(value) for value in answers.values())
    assert good > 0 and moved == 0 and bad == wrong and abs(good - 8 * bad) < 1e-3


def test_where_they_were_not_asked_for_there_are_none():
    measured = {("orders", "requests"): graph({30: 120}), ("orders", "errors"): graph({30: 12})}
    assert "culm_service_responses_per_second" not in prometheus.text(compose(about(), observed(metrics=measured)))
    names = [[query.what for query in queries("bamboo", [ORDERS], BALANCER, answers=free)] for free in (True, False)]
    assert set(names[0]) - set(names[1]) == {"2xx", "3xx", "4xx"}

"""Pages as text: nothing that a service, a person or AWS wrote becomes markup, and nothing is inline."""

import re
from dataclasses import replace
from typing import Any

import pytest
from htpy import fragment
from tests.operate.snapshot.described import (
    NOW,
    about,
    at,
    definition,
    deployment,
    graph,
    instance,
    observed,
    rule,
    service,
    stopped,
    task,
)

from culm.core.decide.listener_rules import Request
from culm.operate.logs import LogLine
from culm.operate.snapshot import routes as routing
from culm.operate.snapshot.compose import compose
from culm.operate.snapshot.records import Series, Snapshot, Trouble
from culm.operate.snapshot.words import span_of
from culm.plan.what_if import Estimate, ImaginedInstance, Question
from culm.web.views import bars, confirm, events, layout, logs, others, overview, parts, routes, tasks, what_if
from culm.web.views import service as service_view
from culm.web.views.layout import PageFrame
from culm.web.views.logs import Found
from culm.web.views.others import ImageRow, VaultFile
from culm.web.views.parts import Measure
from culm.web.views.parts import graph as graph_of
from culm.web.views.routes import Composed
from culm.web.views.service import Detail

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(1)> ' & javascript:alert(1)"
"""What may be in a log line, an event, a tag, a name, a header."""


def text(node: Any) -> str:
    return str(fragment[node])


def snapshot(**changes: Any) -> Snapshot:
    return compose(about(), observed(**changes))


def crashing() -> Snapshot:
    return snapshot(
        services=[service(runningCount=0, deployments=[deployment(rolloutState="IN_PROGRESS", runningCount=0)])],
        tasks=[stopped()],
        targets={},
        last_lines={stopped()["taskArn"]: ("starting", "no such table: orders")},
    )


def pages(seen: Snapshot, evil: str = "") -> dict[str, str]:
    """Every page, with `evil` wherever a stranger can put text."""
    line = LogLine(group="/culm/bamboo/orders", stream=f"orders/{evil}", at=int(NOW * 1000), text=evil or "hello")
    object_line = replace(
        line, text='{"level": "error", "message": "%s", "who": "%s"}' % ((evil.replace('"', "'"),) * 2)
    )
    found = Found(lines=[line, object_line], problem=evil, errors={evil or "orders": (3, NOW)})
    query = {"q": evil, "service": evil, "kind": evil, "sort": evil, "task": evil, "since": evil, "level": ""}
    request = Request(
        method="GET", path="/" + (evil or "orders/"), query=evil, headers=[("Host", evil)], source="127.0.0.1"
    )
    answer = routes.Reply(
        status=200,
        reason=evil,
        headers=[(evil, evil)],
        body=evil,
        connect=0.1,
        wait=0.2,
        read=0.1,
        trace_id=evil,
        lines=[line],
    )
    old = definition("bamboo-orders:1", environment=[{"name": "A", "value": "1"}])
    new = definition("bamboo-orders:2", environment=[{"name": "A", "value": evil or "2"}])
    image = ImageRow(
        repository=evil or "bamboo/orders", tags=(evil,), digest="sha256:1", megabytes=1.0, pushed_at=NOW, runs=(evil,)
    )
    job = confirm.PageJob(id="1", words=("rollback", evil), began=NOW, lines=(evil,), status=None)
    made = {
        "overview": overview.overview(seen, may_act=True),
        "tasks": tasks.tasks(seen, query, may_act=True),
        "all tasks": tasks.tasks(seen, {}, may_act=True),
        "events": events.events(seen, {}),
        "logs": logs.logs(seen, query, found),
        "routes": routes.routes(
            seen,
            routes.Tried(
                asked=Composed(target=evil, headers=evil, body=evil),
                trials=routing.route(observed(), request),
                reply=answer,
                problem=evil,
            ),
            may_act=True,
            token="t",
        ),
        "service": service_view.service(
            seen, seen.services[0], Detail(revisions=[new, old], lines=[line, object_line]), may_act=True
        ),
        "migrations": others.migrations(seen, may_act=True),
        "images": others.images([image]),
        "plan": others.plan(evil, evil),
        "vault": others.vault([VaultFile(name=evil, version=evil, changed_at=NOW, bytes=1, readers=(evil,))]),
        "cost": others.cost(seen),
        "confirm": confirm.confirm(
            seen,
            confirm.Proposal(words=["rollback", evil], consequences=[evil], instead=[evil], plan=evil),
            token="t",
            back="/",
        ),
        "job": confirm.job(job, back="/"),
        "refused": confirm.refused(evil, evil),
    }
    frame = PageFrame(path="/", title=evil or "Overview", live="/live?at=%2F")
    return {name: layout.document(frame, seen, content) for name, content in made.items()}


@pytest.fixture(scope="module")
def hostile() -> dict[str, str]:
    """Every page of an environment in which every text is EVIL."""
    event = {"id": "1", "createdAt": at(5), "message": f"(service orders) {EVIL}"}
    failing = stopped() | {"stoppedReason": EVIL, "stopCode": "TaskFailedToStart"}
    rules = [rule("default"), rule("10", f"/{EVIL}/*")]
    seen = snapshot(
        services=[
            service(
                runningCount=0, events=[event], deployments=[deployment(rolloutStateReason=EVIL, rolloutState="FAILED")]
            )
        ],
        tasks=[task(group=f"service:{EVIL}"), failing, task("9" * 32)],
        instances=[instance(ec2InstanceId=EVIL, attributes=[{"name": "ecs.instance-type", "value": EVIL}])],
        rules=rules,
        targets={},
        last_lines={failing["taskArn"]: (EVIL,)},
    )
    return pages(replace(seen, unreachable=EVIL, unreachable_since=NOW, project=EVIL, target=EVIL), EVIL)


def test_names_lines_tags_and_events_with_markup_are_text_on_every_page(hostile):
    for name, page in hostile.items():
        assert "<script>alert" not in page, name
        assert "<img" not in page, name
        assert "&lt;script&gt;alert(1)" in page, name


def test_no_page_has_an_address_that_runs_a_script(hostile):
    for name, page in hostile.items():
        assert re.findall(r'(?:href|action|src)="(?!/|#|http://127\.0\.0\.1|https?://)[^"]*"', page) == [], name


def test_no_page_has_inline_script_or_style(hostile):
    for name, page in hostile.items():
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == [], name
        assert re.findall(r"<[a-z][^<>]*\s(?:style|on[a-z]+)=\"", page.replace(EVIL, "")) == [], name
        assert "<style" not in page, name


def test_every_page_has_one_main_heading_landmarks_and_labels(hostile):
    for name, page in pages(crashing()).items():
        assert page.count("<main") == 1, name
        assert '<nav class="rail" aria-label="Places">' in page, name
        for id in re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page):
            assert f'for="{id}"' in page, (name, id)


def test_ids_are_given_once_on_a_page(hostile):
    for name, page in hostile.items():
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert sorted(ids) == sorted(set(ids)), name


def test_a_crashing_service_is_unfolded_to_its_cause_without_a_click():
    page = text(overview.overview(crashing(), may_act=True))
    assert "exited with code 3" in page
    assert "no such table: orders" in page
    assert 'href="/confirm?do=rollback+orders+1"' in page


def test_a_page_that_may_only_be_read_shows_the_command_to_type_instead_of_a_button():
    seen = crashing()
    page = text(overview.overview(seen, may_act=False))
    assert "/confirm" not in page
    assert "culm rollback orders 1" in page
    detail = Detail(revisions=[definition("bamboo-orders:2"), definition("bamboo-orders:1")])
    assert "/confirm" not in text(service_view.service(seen, seen.services[0], detail, may_act=False))
    assert "/confirm" not in text(tasks.tasks(snapshot(), {}, may_act=False))
    assert "/routes/send" not in text(routes.routes(seen, routes.Tried(asked=Composed(target="/")), may_act=False))


def test_a_services_page_offers_the_last_revision_that_served_well_and_says_why():
    seen = snapshot()
    older = [definition(f"bamboo-orders:{number}") for number in (3, 2, 1)]
    outcomes = dict(
        zip([each["taskDefinitionArn"] for each in older], ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"], strict=True)
    )
    orders = replace(seen.services[0], revision="bamboo-orders:3")
    page = text(service_view.service(seen, orders, Detail(revisions=older, outcomes=outcomes), may_act=True))
    assert "Roll back to #1" in page
    assert "(passed over: #2: replaced before it was ready)" in page


def test_a_protected_targets_name_has_to_be_typed_before_anything_is_done():
    def page(protected: bool) -> str:
        return text(
            confirm.confirm(
                snapshot(), confirm.Proposal(words=["restart", "orders"], protected=protected), token="t", back="/"
            )
        )

    assert 'name="name"' in page(True) and "is protected; its name:" in page(True)
    assert 'name="name"' not in page(False)


def test_a_deploy_is_confirmed_beside_its_plan():
    proposal = confirm.Proposal(words=["deploy", "orders"], plan="a new task on #2, then the old one stops")
    page = text(confirm.confirm(snapshot(), proposal, token="t", back="/"))
    assert page.index("Yes, do it") < page.index("a new task on #2, then the old one stops")


def test_a_revision_whose_deploy_failed_says_so():
    seen = snapshot()
    both = [definition("bamboo-orders:3", memory=512), definition("bamboo-orders:2")]
    failed = {both[0]["taskDefinitionArn"]: "ROLLBACK_SUCCESSFUL"}
    page = text(service_view.service(seen, seen.services[0], Detail(revisions=both, outcomes=failed), may_act=True))
    assert "its deploy: failed, gone back" in page and "1 change<" in page
    assert "its deploy" not in text(service_view.service(seen, seen.services[0], Detail(revisions=both), may_act=True))


def test_the_last_lines_of_a_cause_are_sentences():
    line = '{"level": "error", "message": "no table orders", "table": "orders"}'
    page = str(fragment[parts.spoken(["begins", line])])
    assert page == '<span><span>begins\n</span><span class="in-error">no table orders  table=orders\n</span></span>'


def test_a_vaults_file_is_shown_with_its_version_and_how_many_there_are():
    file = VaultFile(name="stg/orders/a.yml", version="3HL4kqtJ", changed_at=NOW, bytes=1, readers=(), versions=3)
    page = str(fragment[others.vault([file])])
    assert "3HL4kqtJ" in page and " of 3" in page


def test_an_answer_says_which_task_wrote_its_log_lines():
    line = LogLine(group="/culm/bamboo/orders", stream="orders/orders/0123456789abcdef", at=0, text="hello")
    reply = routes.Reply(
        status=404,
        reason="Not Found",
        headers=[],
        body="",
        connect=0.1,
        wait=0.2,
        read=0.1,
        trace_id="1-2",
        lines=[line],
    )
    asked = Composed(target="/orders/42")
    page = text(routes.routes(snapshot(), routes.Tried(asked=asked, reply=reply), may_act=True, token="t"))
    assert (
        'written by orders, task <a href="/logs?service=orders&amp;task=0123456789abcdef&amp;since=1h">01234567</a>'
        in page
    )


def test_an_empty_target_says_what_to_type():
    page = text(overview.overview(replace(snapshot(), exists=False, target="staging"), may_act=True))
    assert "culm up --target staging" in page
    assert "culm new web" in page


def test_a_cluster_that_does_not_answer_is_told_with_since_when():
    page = layout.document(
        PageFrame(path="/", title="Overview"),
        replace(snapshot(), unreachable="connection refused", unreachable_since=NOW),
        "",
    )
    assert "the cluster does not answer since" in page
    assert "connection refused" in page


def test_a_scaled_service_is_shown_with_its_range():
    seen = snapshot(scalable_targets={"orders": {"MinCapacity": 1, "MaxCapacity": 4}})
    assert "(1-4, by nothing)" in text(overview.overview(seen, may_act=True))


def test_instances_are_drawn_to_one_scale():
    large = instance(
        "large",
        registeredAt=at(500),
        registeredResources=[{"name": "MEMORY", "integerValue": 1990}, {"name": "CPU", "integerValue": 2048}],
        remainingResources=[{"name": "MEMORY", "integerValue": 1990}, {"name": "CPU", "integerValue": 2048}],
    )
    page = text(overview.overview(snapshot(instances=[instance(), large]), may_act=True))
    assert '<rect class="whole" x="0" y="1" width="50.00%"' in page  # 995 of 1990 MiB
    assert '<rect class="whole" x="0" y="1" width="100.00%"' in page
    assert 'width="12.86%"' in page  # the task's 256 MiB
    assert "free 739 MiB" in page


def test_a_tasks_box_is_filled_as_far_as_it_uses_memory():
    used = {("a" * 32, "memory"): graph({30: 25.0}), ("a" * 32, "memory_peak"): graph({30: 50.0})}
    page = text(overview.overview(snapshot(metrics=used), may_act=True))
    assert re.search(r'<rect class="used" [^>]*width="25.0%"', page)
    assert re.search(r'<line class="peak" [^>]*x1="50.0%"', page)
    assert "64/256" in page


def test_revisions_show_only_what_changed_and_never_what_is_called_a_secret():
    old = definition("bamboo-orders:1", environment=[{"name": "DB_PASSWORD", "value": "hunter2hunter2"}])
    new = definition(
        "bamboo-orders:2",
        memory=512,
        environment=[{"name": "DB_PASSWORD", "value": "correct-horse"}, {"name": "MODE", "value": "fast"}],
    )
    changed = service_view.changes(old, new)
    assert ("memory", "256", "512") in changed
    assert ("environment.MODE", "—", "fast") in changed
    assert [name for name, _, _ in changed if name in ("family", "image")] == []
    assert "hunter2" not in str(changed) and "correct-horse" not in str(changed)


def test_tasks_can_be_filtered_by_any_word_and_sorted_by_memory():
    used = {("a" * 32, "memory"): graph({30: 10.0}), ("c" * 32, "memory"): graph({30: 90.0})}
    seen = snapshot(tasks=[task(), task("c" * 32), stopped()], metrics=used)
    page = text(tasks.tasks(seen, {"sort": "memory"}, may_act=True))
    assert page.index(f"t-{'c' * 32}") < page.index(f"t-{'a' * 32}")
    page = text(tasks.tasks(seen, {"q": "exited"}, may_act=True))
    assert f"t-{'b' * 32}" in page
    assert f"t-{'a' * 32}" not in page


def test_log_lines_are_sentences_with_what_was_searched_for_marked():
    line = LogLine(
        group="g", stream="orders/orders/1", at=0, text='{"level": "error", "message": "no table orders", "ms": 3}'
    )
    page = text(logs.line_item(line, "orders", words="table"))
    assert "no <mark>table</mark> orders" in page
    assert "▲ error" in page
    assert "ms=" in page


def test_a_graph_has_its_limit_and_the_moments_of_deploys():
    measured = {("orders", "memory"): graph({600: 20.0, 540: 25.0, 480: 30.0})}
    seen = snapshot(metrics=measured)
    page = text(service_view.service(seen, seen.services[0], Detail(), may_act=True))
    assert '<polyline class="curve"' in page
    assert "deploy of #2" in page
    assert "┄ limit 256 MiB" in page
    assert "76.8 MiB" in page  # 30 % of 256


def test_a_task_that_starts_is_hatched():
    starting = text(overview.overview(snapshot(tasks=[task(lastStatus="PENDING")]), may_act=True))
    assert 'fill="url(#hatch)"' in starting and 'id="hatch"' in starting


def test_bars_of_many_instances_are_low_and_say_on_how_many_a_task_fits():
    many = [instance(f"{number:03}", registeredAt=at(1000 - number)) for number in range(bars.MANY + 1)]
    page = text(overview.overview(snapshot(instances=many), may_act=True))
    assert 'class="instances many"' in page
    assert "yes, on #1, #2, #3, #4 or 9 more" in page


def test_the_first_troubles_are_shown_and_the_others_are_folded():
    trouble = Trouble(service="", text="an instance does not answer", since=None, action=None)
    page = text(overview.overview(replace(snapshot(), troubles=(trouble,) * 8), may_act=True))
    assert "<summary>3 more to look at</summary>" in page


def test_a_target_with_a_trouble_is_not_shown_as_well():
    trouble = Trouble(service="", text="an instance does not answer", since=None, action=None)
    wrong = layout.document(PageFrame(path="/", title="x"), replace(snapshot(), troubles=(trouble,)), None)
    assert 'class="headline is-wrong"' in wrong


def test_an_event_is_in_plain_words_and_ecs_own_are_in_the_feed():
    events_ = [{"id": "1", "createdAt": at(5), "message": "(service orders) has reached a steady state."}]
    seen = snapshot(services=[service(events=events_)])
    assert '<span class="own">has reached a steady state</span>' in text(events.events(seen, {}))
    short = text(overview.overview(seen, may_act=True))
    assert 'title="ECS: has reached a steady state"' in short and 'class="own"' not in short


def test_bars_of_requests_are_one_shape_however_many_they_are():
    measured = {
        ("orders", "requests"): graph({ago: 60 for ago in range(30, 1800, 60)}),
        ("orders", "errors"): graph({}),
    }
    page = text(overview.overview(snapshot(metrics=measured), may_act=True))
    assert page.count('class="bar"') == 1


def test_colours_go_round_from_the_systems_to_dark_to_light():
    seen = snapshot()
    for theme, following in (("", "dark"), ("dark", "light"), ("light", "")):
        page = layout.document(PageFrame(path="/", title="x", theme=theme), seen, None)
        assert f'href="/theme?to={following}"' in page


def test_the_plans_sliders_say_in_words_what_fits_and_what_it_costs():
    question = Question(factor=4, instance_type="t2.micro", count=2)
    machine = ImaginedInstance(memory=995, free=227, tasks=(("orders", 256),) * 3)
    answer = Estimate(
        tasks=(("orders", 2, 8),), machines=(machine, machine), homeless=(("orders", 2),), dollars=53.78, best=None,
        best_dollars=None,
    )  # fmt: skip
    page = text(what_if.what_if(question, answer, ["t2.micro", "t3.small"]))
    assert "2 x t2.micro, $53.78 a month: " in page and "▲ 2 tasks find no room" in page
    assert 'aria-label="#1: orders, orders, orders, 227 MiB free"' in page
    assert re.search(r'<label for="load">4 times the load</label><input id="load"[^>]* type="range"', page)
    fits = text(what_if.what_if(question, replace(answer, homeless=()), ["t2.micro"]))
    assert "● all tasks fit, 454 MiB stay free" in fits


def test_only_a_deploy_under_way_has_a_bar_of_its_progress():
    assert 'class="progress"' not in text(overview.overview(snapshot(), may_act=True))
    moving = [service(deployments=[deployment(rolloutState="IN_PROGRESS")])]
    assert 'class="progress"' in text(overview.overview(snapshot(services=moving), may_act=True))


def image(repository: str, digest: str, *, pushed_at: float, megabytes: float = 0.0184, runs: tuple[str, ...] = ()):
    return ImageRow(
        repository=repository, tags=(digest,), digest=digest, megabytes=megabytes, pushed_at=pushed_at, runs=runs
    )


def test_a_clean_up_frees_old_images_that_nothing_runs_and_not_the_newest():
    rows = [
        image("bamboo/orders", "c", pushed_at=NOW),
        image("bamboo/orders", "b", pushed_at=NOW - 1, runs=("bamboo-orders:1",)),
        image("bamboo/orders", "a", pushed_at=NOW - 2),
        image("bamboo/orders-migrate", "d", pushed_at=NOW, megabytes=41.26),
    ]
    page = str(fragment[others.images(rows)])
    assert "1 old one that nothing runs, 18 kB as pushed" in page
    assert page.count("nothing now; the newest") == 2
    assert "41.3 MB" in page
    assert "none is old and unused" in str(fragment[others.images(rows[:2])])


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.06, "4.1 s"), (84.5, "1 min 24 s"), (3600.0, "1 h 0 min"), (11_100.0, "3 h 5 min")]
)
def test_how_long_something_took_is_told_in_two_units_at_most(seconds, words):
    assert span_of(seconds) == words


def test_a_single_measure_is_a_dot_since_a_line_has_two_ends():
    drawn = str(graph_of(Measure(title="p95", series=Series(start=0, step=60, values=(None, 0.2, None)), unit="s")))
    assert 'class="curve dot"' in drawn

"""Success is said only when it is so, and what is wrong is named by whoever looks: `up`, `status`, `plan`, `diff`."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pg8000.native
import pytest
from tests.scenarios import misfits
from tests.scenarios.stand import Stand, eventually
from tests.traffic import free_port

DIES = "import threading; threading.Timer(3, lambda: (print('out of coffee', flush=True), os._exit(4))).start()"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("truth"), port=free_port())
    misfits.service(stand, "web")
    misfits.project(stand, "truth", "web")
    stand.culm("up", "--runtime", "process")
    yield stand
    stand.close()


def test_a_service_that_dies_a_few_seconds_after_its_start_is_no_success_and_goes_back(shop: Stand) -> None:
    misfits.service(shop, "web", first=DIES)
    said = shop.culm("up", status=1)
    assert "web was steady, and died within" in said.err
    assert "exit code 4" in said.err
    assert "out of coffee" in said.err
    assert "It was rolled back to truth-web:1, which is steady." in said.err
    assert shop.get("/web/").status == 200


def test_the_health_page_s_code_and_the_beginning_of_its_answer_are_on_the_screen(shop: Stand) -> None:
    misfits.service(shop, "web", said="moved to /web/healthz", status=404)
    said = shop.culm("up", status=1)
    assert "web did not start: it runs, but never gets healthy" in said.err
    assert "GET /web/health on 127." in said.err
    assert "Health checks failed with these codes: [404]" in said.err
    assert 'its answer begins: "moved to /web/healthz"' in said.err
    misfits.service(shop, "web")
    shop.culm("up")


def test_more_tasks_than_fit_are_refused_with_the_ways_out_and_nothing_is_changed(shop: Stand) -> None:
    said = shop.culm("scale", "web", "9", status=3)
    assert "web: it does not fit, nothing was changed" in said.err
    assert "Ways out, cheapest first" in said.err
    assert json.loads(shop.culm("status", "--json").out)["services"][0]["desired"] == 1


def test_a_service_that_is_new_and_keeps_dying_is_named_by_everybody(shop: Stand) -> None:
    misfits.service(shop, "late", first=DIES)
    misfits.project(shop, "truth", "web", "late")
    said = shop.culm("up", status=1)
    assert "late was steady, and died within" in said.err
    # one death may be chance, two are a loop
    eventually(lambda: re.search("keeps dying|is not complete", shop.culm("status").out), 60)
    again = shop.culm("up", status=1)
    assert "late " in again.err
    assert "out of coffee" in again.err
    assert "late: " in shop.culm("status").out
    told = shop.culm("plan").out + shop.culm("diff", status=3).out
    assert "keeps dying" in told or "is not complete" in told


def test_a_service_that_culm_yml_no_longer_names_is_told_and_can_be_removed(shop: Stand) -> None:
    misfits.project(shop, "truth", "web")
    said = shop.culm("up")
    assert "late runs, and culm.yml does not name it: `culm down late` removes it" in said.err
    assert "culm down late" in shop.culm("status").out
    shop.culm("down", "late")
    services = shop.client("ecs").list_services(cluster="truth")["serviceArns"]
    assert [arn.rpartition("/")[2] for arn in services] == ["web"]
    groups = shop.client("elbv2").describe_target_groups()["TargetGroups"]
    assert [group["TargetGroupName"] for group in groups] == ["truth-web"]
    assert "late" not in shop.culm("up").err
    assert "has no service 'late'" in shop.culm("down", "late", status=2).err


def test_a_load_balancer_whose_port_somebody_else_has_is_no_success(shop: Stand) -> None:
    shop.culm("cluster", "stop")
    with socket.create_server(("127.0.0.1", shop.port)):
        said = shop.culm("up", status=1)
        assert f"port {shop.port} of 127.0.0.1 is taken by" in said.err
        assert "the load balancer does not serve" in said.err
        assert f"port {shop.port}" in shop.culm("status", status=1).err
    shop.culm("up")
    assert shop.get("/web/").status == 200


def test_a_database_that_is_gone_leaves_no_url_behind(shop: Stand) -> None:
    shop.culm("down")
    misfits.service(shop, "pets")
    databases = "databases: {main: {engine: postgres}}"
    with_pets = f"  pets: {{database: main}}\n{databases}"
    misfits.project(shop, "truth", "web", extra=with_pets)
    shop.culm("up", "--runtime", "process")
    first = shop.culm("vault", "get", "local/pets/database.url").out
    misfits.project(shop, "truth", "web", extra=databases)
    shop.culm("down", "--volumes")
    shop.culm("up", "--runtime", "process")
    misfits.project(shop, "truth", "web", extra=with_pets)
    shop.culm("up")
    second = shop.culm("vault", "get", "local/pets/database.url").out.strip()
    assert second != first.strip()
    url = urlsplit(second)
    with pg8000.native.Connection(
        url.username or "", host=url.hostname or "", port=url.port or 0, password=url.password, database=url.path[1:]
    ) as connection:
        assert connection.run("SELECT 1") == [[1]]

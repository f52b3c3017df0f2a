"""`culm up`: four services with their data, that stay what they are."""

import re
from typing import Any

from tests.scenarios.stand import Stand, eventually
from tests.traffic import free_port

SERVICES = ("accounts", "catalog", "notices", "orders")


def test_up_ends_with_four_urls_that_answer(bamboo: Stand) -> None:
    said = bamboo.culm("up")

    urls = dict(line.split() for line in said.out.splitlines())
    assert urls == {name: bamboo.url(f"/{name}/") for name in SERVICES}
    assert [bamboo.get(f"/{name}/").status for name in SERVICES] == [200] * 4
    assert bamboo.get("/elsewhere/").status == 404


def test_a_second_up_registers_nothing_and_restarts_nothing(bamboo: Stand) -> None:
    before = state(bamboo)

    said = bamboo.culm("up")

    assert state(bamboo) == before
    assert said.err.splitlines()[-1] == "nothing changed"
    assert "registered" not in said.err


def test_what_was_written_is_there_after_the_cluster_was_stopped_and_started(bamboo: Stand) -> None:
    written = write(bamboo)
    revisions = state(bamboo)["revisions"]

    bamboo.culm("cluster", "stop")
    bamboo.gone()
    bamboo.culm("cluster", "start", "--runtime", "process", "--https-port", str(port := free_port()))
    assert f"https://localhost:{port}" in bamboo.culm("cluster", "status").out
    bamboo.culm("cluster", "start", "--https-port", str(port))
    refused = bamboo.culm("cluster", "start", "--https-port", str(port + 1), status=1)
    assert f"with HTTPS at {port}" in refused.err

    eventually(lambda: all(bamboo.get(path).status == 200 for path in written))
    assert {path: bamboo.get(path).body for path in written} == written
    assert state(bamboo)["revisions"] == revisions
    write(bamboo)


def test_no_secret_is_in_a_task_s_environment(bamboo: Stand) -> None:
    ecs = bamboo.client("ecs")
    for task in bamboo.tasks().values():
        [container] = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"][
            "containerDefinitions"
        ]
        assert {each["name"] for each in container["environment"]} == {"MYENV", "VAULT"}


def test_commands_work_in_a_folder_below_the_project(bamboo: Stand) -> None:
    said = bamboo.culm("status", cwd=bamboo.project / "orders" / "conf")

    assert re.search(r"^orders .* 1/1 ", said.out, re.MULTILINE)


def write(stand: Stand) -> dict[str, Any]:
    """One of everything; where each was put, with what it holds. An order asks the catalog for its product."""
    number = len(stand.get("/accounts/").body["items"])
    account = stand.post("/accounts/", {"email": f"kim-{number}@example.com", "name": "Kim"})
    product = stand.post(
        "/catalog/products",
        {"sku": f"CUP-{number}", "name": "Cup", "price_cents": 450, "currency": "EUR", "stock": 9},
    )
    assert (account.status, product.status) == (201, 201), (account, product)
    order = stand.post(
        "/orders/", {"account_id": account.body["id"], "lines": [{"product_id": product.body["id"], "quantity": 2}]}
    )
    assert order.status == 201, order
    notice = stand.post("/notices/", {"title": "Hello", "text": "It is on its way"})
    assert notice.status == 201, notice
    made = {"accounts": account, "catalog/products": product, "orders": order, "notices": notice}
    return {path: stand.get(path).body for path in (f"/{where}/{answer.body['id']}" for where, answer in made.items())}


def state(stand: Stand) -> dict[str, Any]:
    ecs = stand.client("ecs")
    return {"tasks": sorted(stand.tasks()), "revisions": sorted(ecs.list_task_definitions()["taskDefinitionArns"])}

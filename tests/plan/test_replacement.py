"""What draining each instance in turn does to services, counted in memory and CPU."""

from typing import Any

import pytest

from culm.cli.screens.replacement import lines
from culm.plan.replacement import Effect, effects

MICRO = 995


def instance(number: int, *tasks: int) -> dict[str, Any]:
    def amounts(memory: int, cpu: int) -> list[dict[str, Any]]:
        return [{"name": "MEMORY", "integerValue": memory}, {"name": "CPU", "integerValue": cpu}]

    return {
        "ec2InstanceId": f"i-{number}",
        "containerInstanceArn": f"arn:instance/{number}",
        "registeredResources": amounts(MICRO, 1024),
        "remainingResources": amounts(MICRO - sum(tasks), 1024 - 128 * len(tasks)),
    }


def task(service: str, number: int, memory: int = 256, **more: Any) -> dict[str, Any]:
    return {
        "group": f"service:{service}",
        "containerInstanceArn": f"arn:instance/{number}",
        "lastStatus": "RUNNING",
        "memory": str(memory),
        "cpu": "128",
    } | more


def service(running: int = 1, floor: int = 0) -> dict[str, Any]:
    return {
        "desiredCount": running,
        "runningCount": running,
        "deploymentConfiguration": {"minimumHealthyPercent": floor},
    }


def an_effect(instance: str, **told: tuple[str, ...]) -> Effect:
    return Effect(instance=instance, **({"moves": (), "down": (), "fewer": (), "blocked": ()} | told))


def test_on_a_full_cluster_all_that_runs_on_the_instance_is_down() -> None:
    names = [f"s{n}" for n in range(6)]
    running = [task(name, n // 3) for n, name in enumerate(names)]
    told = effects(
        ["i-0", "i-1"],
        [instance(0, 256, 256, 256), instance(1, 256, 256, 256)],
        running,
        {name: service() for name in names},
    )
    assert told == [an_effect("i-0", down=("s0", "s1", "s2")), an_effect("i-1", down=("s3", "s4", "s5"))]


def test_what_fits_elsewhere_moves_and_comes_into_the_count_of_the_next() -> None:
    running = [task("a", 0), task("b", 0), task("c", 1), task("d", 1)]
    fleet = [instance(0, 256, 256), instance(1, 256, 256)]
    told = effects(["i-0", "i-1"], fleet, running, {name: service() for name in "abcd"})
    assert told[0] == an_effect("i-0", moves=("a",), down=("b",))
    assert (told[1].moves, told[1].down) == (("c", "d"), ("a",)), "room for two beside the one that waited"


def test_a_service_with_another_task_has_one_less() -> None:
    running = [task("a", 0), task("a", 1), task("b", 1), task("c", 1)]
    fleet = [instance(0, 256), instance(1, 256, 256, 256)]
    assert effects(["i-0"], fleet, running, {"a": service(2)}) == [an_effect("i-0", fewer=("a",))]
    assert effects(["i-0"], fleet, running, {"a": service(2, floor=50)}) == [an_effect("i-0", fewer=("a",))]
    assert effects(["i-0"], fleet, running, {"a": service(2, floor=51)}) == [an_effect("i-0", blocked=("a",))]


@pytest.mark.parametrize(("floor", "kind"), [(100, "blocked"), (0, "down")])
def test_a_service_that_may_not_have_a_task_less_and_finds_no_room_is_told(floor: int, kind: str) -> None:
    running = [task("a", 0), task("b", 1), task("c", 1), task("d", 1)]
    fleet = [instance(0, 256), instance(1, 256, 256, 256)]
    [effect] = effects(["i-0"], fleet, running, {"a": service(1, floor)})
    assert effect == an_effect("i-0", **{kind: ("a",)})


def test_stopped_tasks_and_an_empty_instance_concern_nobody() -> None:
    told = effects(["i-0"], [instance(0), instance(1)], [task("a", 0, lastStatus="STOPPED")], {})
    assert told == [an_effect("i-0")]
    assert list(lines(told, 1, 2)) == [
        "1 of 2 instances are to be replaced, one at a time:",
        "  i-0: no task of a service runs there",
    ]


def test_a_task_that_takes_the_last_of_an_instance_still_moves_to_it() -> None:
    fleet = [instance(0, 256), instance(1, MICRO - 256)]
    exact = effects(["i-0"], fleet, [task("a", 0)], {"a": service()})
    assert exact == [an_effect("i-0", moves=("a",))]
    too_much = effects(["i-0"], fleet, [task("a", 0, 257)], {"a": service()})
    assert too_much == [an_effect("i-0", down=("a",))]


def test_cpu_runs_out_as_memory_does() -> None:
    fleet = [instance(0, 64, 64), instance(1)]
    both = effects(["i-0"], fleet, [task("a", 0, 64, cpu="512"), task("b", 0, 64, cpu="512")], {})
    assert both == [an_effect("i-0", moves=("a", "b"))]
    one_more = effects(["i-0"], fleet, [task("a", 0, 65, cpu="512"), task("b", 0, 64, cpu="513")], {})
    assert one_more == [an_effect("i-0", moves=("a",), down=("b",))]
    no_limits = effects(["i-0"], fleet, [task("a", 0) | {"cpu": None, "memory": None}], {})
    assert no_limits == [an_effect("i-0", moves=("a",))]

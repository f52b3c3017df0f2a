"""Services ask the scheduler in the planned order, whoever is ready first."""

import threading
from collections.abc import Callable

import pytest

from culm.deploy.ordering import Stage, Turns


class Deploy:
    """Each service in a thread of its own; `said` is what happened, in order."""

    def __init__(self, waves: list[list[str]], *names: str) -> None:
        self.turns = Turns(waves, names, self.check)
        self.broken = False
        self.said: list[str] = []
        self.threads: list[threading.Thread] = []

    def check(self) -> None:
        if self.broken:
            raise InterruptedError

    def start(self, name: str, *, migrates: bool = False, until: threading.Event | None = None) -> None:
        def go() -> None:
            if until is not None:
                until.wait()
            try:
                if migrates:
                    self.turns.to_migrate(name)
                    self.said.append(f"migrate {name}")
                    self.turns.reached(name, Stage.MIGRATING)
                self.turns.to_roll(name)
                self.said.append(f"roll {name}")
                self.turns.reached(name, Stage.CALLED)
            except InterruptedError:
                self.said.append(f"broken {name}")
            finally:
                self.turns.reached(name, Stage.ENDED)

        self.threads.append(threading.Thread(target=go))
        self.threads[-1].start()

    def join(self) -> list[str]:
        for thread in self.threads:
            thread.join(timeout=20)
            assert not thread.is_alive()
        return self.said


def test_a_wave_migrates_then_rolls_in_its_order() -> None:
    deploy = Deploy([["a", "b"], ["c"]], "a", "b", "c")
    late = threading.Event()
    deploy.start("c", migrates=True)
    deploy.start("b", migrates=True)
    deploy.start("a", migrates=True, until=late)
    late.set()
    assert deploy.join() == ["migrate a", "migrate b", "roll a", "roll b", "migrate c", "roll c"]


def test_one_without_a_migration_waits_for_those_of_its_wave() -> None:
    deploy = Deploy([["a", "b"]], "a", "b")
    deploy.start("a")
    deploy.start("b", migrates=True)
    assert deploy.join() == ["migrate b", "roll a", "roll b"]


def test_one_that_was_not_to_move_comes_last() -> None:
    deploy = Deploy([["a"]], "surprise", "a")
    deploy.start("surprise")
    deploy.start("a")
    assert deploy.join() == ["roll a", "roll surprise"]


def test_one_that_ends_early_holds_nobody() -> None:
    deploy = Deploy([["a"], ["b"]], "a", "b")
    deploy.turns.reached("a", Stage.ENDED)
    deploy.start("b", migrates=True)
    assert deploy.join() == ["migrate b", "roll b"]


@pytest.mark.parametrize("wait", ["to_migrate", "to_roll"])
def test_who_waits_hears_that_the_deploy_was_broken_off(wait: str) -> None:
    deploy = Deploy([["a"], ["b"]], "a", "b")
    deploy.broken = True
    waits: Callable[[str], None] = getattr(deploy.turns, wait)
    with pytest.raises(InterruptedError):
        waits("b")

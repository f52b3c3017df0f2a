"""The rows of a deploy, event by event, by a clock that is set."""

from culm.cli.screens.progress import Progress, spent
from culm.deploy.job import Doing, Ended, Event, Said


class Deploy:
    def __init__(self) -> None:
        self.seconds = 100.0
        after = {"api": ["db", "gone"], "web": ["api"]}
        self.progress = Progress(["db", "api", "web"], after, lambda: self.seconds)

    def happens(self, *events: Event, then: float = 0.0) -> None:
        for event in events:
            self.progress.take(event)
        self.seconds += then

    def rows(self, columns: int = 44, most: int = 10, *, coloured: bool = False) -> list[str]:
        return self.progress.rows(columns, most, coloured=coloured)


def test_services_that_have_not_begun_say_what_they_wait_for() -> None:
    assert Deploy().rows() == ["db   waiting", "api  after db", "web  after api"]


def test_a_row_has_the_step_what_it_does_there_and_how_long() -> None:
    deploy = Deploy()
    deploy.happens(Said(lane="db", line="building Dockerfile"), then=3)
    deploy.happens(Doing(lane="db", what="Step 4/7 : RUN pip"), then=5)
    assert deploy.rows(60)[0] == "db   building Dockerfile: Step 4/7 : RUN pip             8 s"
    assert deploy.rows(40)[0] == "db   Step 4/7 : RUN pip              8 s", "there is no room for both"
    deploy.happens(Said(lane="db", line="pushed"), then=1)
    assert deploy.rows()[0] == "db   pushed                              1 s"


def test_a_row_that_has_ended_has_the_time_of_all_its_steps() -> None:
    deploy = Deploy()
    deploy.happens(Said(lane="db", line="building"), then=60)
    deploy.happens(Said(lane="db", line="is steady"), Ended(lane="db"), then=5)
    deploy.happens(Said(lane="api", line="failed: no room\nand more"), Ended(lane="api", failed=True), then=9)
    assert deploy.rows()[:2] == [
        "db   is steady                          1:00",
        "api  failed: no room                     0 s",
    ]
    green, red, plain = deploy.rows(coloured=True)
    assert green.startswith("\x1b[32mdb ")
    assert red.startswith("\x1b[31mapi ")
    assert plain == "web  after api"


def test_those_at_work_are_kept_where_there_are_too_many() -> None:
    deploy = Deploy()
    deploy.happens(Said(lane="web", line="building"))
    assert deploy.rows(most=2) == ["web  building                            0 s", "and 2 more: 0 done, 2 to come"]


def test_what_goes_on_besides_has_a_row_for_as_long() -> None:
    deploy = Deploy()
    deploy.happens(Doing(lane="shop", what="database server shop-main: creating"))
    assert deploy.rows()[-1] == "shop: database server shop-main: creating"
    deploy.happens(Doing(lane="shop"))
    assert deploy.rows()[-1] == "web  after api"


def test_times_are_as_people_write_them() -> None:
    assert [spent(seconds) for seconds in (0.9, 59, 60, 3725)] == ["0 s", "59 s", "1:00", "1:02:05"]

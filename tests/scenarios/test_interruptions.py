"""Ctrl-C in the middle of `culm up`, and `culm up` again."""

from tests.scenarios.stand import BAMBOO, Stand

MOMENTS = ("starting the local cluster", "create repository", "creating database", "pushed", "registered", "route ")
"""Said on the way, each later than the one before."""


def test_what_was_broken_off_anywhere_is_carried_on_by_the_next_up(stand: Stand) -> None:
    stand.copy(BAMBOO)
    for moment in MOMENTS:
        words = ("--runtime", "process") if moment == MOMENTS[0] else ()
        said = stand.interrupted("up", *words, at=moment)
        assert said.status == 130, said.screen
        assert "Traceback" not in said.err
        assert "culm: interrupted" in said.err

    stand.culm("up")

    for name in ("accounts", "catalog", "notices", "orders"):
        assert stand.get(f"/{name}/").status == 200
    assert stand.post("/accounts/", {"email": "kim@example.com", "name": "Kim"}).status == 201
    assert "nothing changed" in stand.culm("up").err

"""What becomes of a service whose roll fails after its migration."""

import pytest

from culm.plan.way_back import Effect, effect, goes_back

EFFECTS: list[tuple[str | None, str | None, Effect]] = [
    ("a.b.c", "a.b.c", "none"),
    ("a.b.c", "x.b.c", "expand"),
    ("a.b.c", "x.y.c", "unknown"),
    ("a.b.c", "x.b.z", "contract"),
    ("a.b.c", "x.y.z", "contract"),
    (None, "a.b.c", "unknown"),
    ("a.b.c", None, "unknown"),
    ("of another form", "a.b.c", "unknown"),
]


@pytest.mark.parametrize(("before", "now", "wanted"), EFFECTS)
def test_fingerprints_tell_what_a_migration_does(before: str | None, now: str | None, wanted: Effect) -> None:
    assert effect(before, now, None) == wanted


@pytest.mark.parametrize(("before", "now", "wanted"), EFFECTS)
def test_culm_yml_speaks_for_files_without_a_mark_alone(before: str | None, now: str | None, wanted: Effect) -> None:
    assert effect(before, now, "expand") == ("expand" if wanted == "unknown" else wanted)
    assert effect(before, now, "contract") == ("contract" if wanted == "unknown" else wanted)


def test_an_unmarked_migration_is_gone_back_from_only_where_nothing_would_serve_otherwise() -> None:
    assert goes_back("unknown", "stop-first")
    assert not goes_back("unknown", "start-first")
    assert not goes_back("contract", "stop-first")
    assert goes_back("none", "start-first") and goes_back("expand", "start-first")

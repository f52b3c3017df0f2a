"""What the second Python of CI leaves out is there, and leaves every room tests."""

from pathlib import Path

from tests.share import ELSEWHERE

TESTS = Path(__file__).parents[1]
LEFT_OUT = [TESTS / path for paths in ELSEWHERE.values() for path in paths]


def test_each_path_that_is_left_out_exists() -> None:
    assert [path for path in LEFT_OUT if not path.exists()] == []


def test_each_room_of_culm_keeps_tests_on_the_second_python() -> None:
    rooms = [file.parent for file in TESTS.parent.glob("src/culm/*/__init__.py") if (TESTS / file.parent.name).is_dir()]
    kept = {room.name: [*(TESTS / room.name).rglob("test_*.py")] for room in rooms}
    assert len(kept) > 10
    for room, tests in kept.items():
        assert any(not any(left == test or left in test.parents for left in LEFT_OUT) for test in tests), room


def test_they_are_few() -> None:
    left = {test for path in LEFT_OUT for test in ([path] if path.is_file() else path.rglob("test_*.py"))}
    assert len(left) < len([*TESTS.rglob("test_*.py")]) / 6

"""What a ring leaves out without reading it has no test of it."""

import pytest
from tests import ring


def test_marks_of_rings_are_where_they_are_looked_for() -> None:
    """Not in a module that tests import fixtures or parameters from: its users would be passed over."""
    files = [file for file in ring.TESTS.rglob("*.py") if ring.MARKED.search(file.read_text())]
    elsewhere = [file for file in files if not file.name.startswith("test_") and file.name != "conftest.py"]
    assert elsewhere == []
    for file in files:
        if file.name == "conftest.py":
            assert "if here in item.path.parents" in file.read_text(), f"{file} does not mark all tests of its folder"


@pytest.mark.parametrize(
    ("path", "pure", "whole"),
    [
        ("scenarios", False, True),
        ("scenarios/test_up.py", False, True),
        ("acceptance/test_ansible.py", False, True),
        ("contracts/test_runtime.py", True, True),
        ("examples", True, True),
        ("examples/test_services.py", True, True),
        ("amazon", True, False),
        ("core/decide/test_policies.py", True, False),
        ("golden", True, True),  # no tests, nothing to pass over
    ],
)
def test_a_ring_reads_the_files_that_have_tests_of_it(path: str, pure: bool, whole: bool) -> None:
    assert ring.is_elsewhere(ring.TESTS / path, ring.PURE) is not pure
    assert ring.is_elsewhere(ring.TESTS / path, ring.WHOLE) is not whole
    assert not ring.is_elsewhere(ring.TESTS / path, "scenario")


def test_the_makefile_asks_for_the_rings_by_the_marks_that_are_known() -> None:
    makefile = (ring.TESTS.parent / "Makefile").read_text()
    assert f'"{ring.PURE}"' in makefile
    assert f'"{ring.WHOLE}"' in makefile

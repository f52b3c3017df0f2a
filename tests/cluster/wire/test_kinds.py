"""What the annotations of input records say of their members."""

from collections.abc import Mapping, Sequence
from typing import Any

from culm.cluster.wire.kinds import element_of, value_of


def test_lists_have_elements_and_maps_have_values_and_all_else_has_anything():
    assert [element_of(kind) for kind in (tuple[str, ...], Sequence[int], str, Any)] == [str, int, Any, Any]
    assert [value_of(kind) for kind in (Mapping[str, int], dict[str, float], tuple[str, ...], Any)] == [
        int,
        float,
        Any,
        Any,
    ]

import pytest

from culm.cluster.services.logs.column_patterns import compile
from culm.cluster.services.logs.json_patterns import InvalidPattern

LINE = '10.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a.gif HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[]", True),
        ("[ip, id, user, at, request, status, size]", True),
        ("[ip, id, user, at, request, status]", False),
        ("[ip, ...]", True),
        ("[ip, ..., size]", True),
        ("[a, b, c, d, e, f, g, ...]", True),
        ("[a, b, c, d, e, f, g, h, ...]", False),
        ("[,,,,,,]", True),
        ("[..., status = 404, size]", True),
        ("[..., status = 4*, size]", True),
        ("[..., status != 4*, size]", False),
        ("[..., status = 5* || status = 404, size]", True),
        ("[..., (status = 4* && status != 404), size]", False),
        ("[..., status, size > 1000]", True),
        ("[..., status, size >= 1535]", False),
        ('[..., request = "GET /a*", status, size]', True),
        ("[..., request = *html*, status, size]", False),
        ("[ip = %^10[.]0%, ...]", True),
        ("[ip < 3, ...]", False),
    ],
)
def test_columns(pattern, matches):
    assert (compile(pattern)(LINE) is not None) is matches


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[a, b", "bracket missing"),
        ("[..., a, ...]", "more than one"),
        ("[a = ]", "condition of the column a"),
        ("[a = 1 || b = 2]", "condition of the column a"),
        ("[a > x]", "compares numbers"),
        ("[= 1]", "expected the name of a column"),
        ("[a %(%]", "condition of the column a"),
        ("[a = %(%]", "no regular expression"),
        ('[a = "x]', "cannot read"),
    ],
)
def test_a_wrong_pattern_says_what_is_wrong(pattern, reason):
    with pytest.raises(InvalidPattern, match=reason):
        compile(pattern)

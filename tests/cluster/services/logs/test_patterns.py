import pytest

from culm.cluster.services.logs.patterns import InvalidPattern, compile, needles


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "disk: ERROR", True),
        ("ERROR disk", "ERROR", False),
        ('"disk full"', "the disk full error", True),
        ('"disk full"', "full disk", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("ERROR -disk", "ERROR", True),
        ("ERROR -disk", "ERROR disk", False),
        ('-"disk full"', "disk full", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("?ERROR plain", "plain", True),
        ("?ERROR plain", "ERROR", False),
        ("%4[0-9]{2}%", "status 404", True),
        ("%4[0-9]{2}%", "status 500", False),
    ],
)
def test_terms(pattern, message, matches):
    assert compile(pattern)(message) is matches


MESSAGE = (
    '{"level": "error", "status": 503, "path": "/orders/7", "user": {"id": null, "admin": true, "ok": false},'
    ' "tags": ["a", "b"], "items": [{"price": 3}, {"price": 9}], "odd key": 1}'
)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("{ $.status = 503 }", True),
        ("{ $.status = 5.03e2 }", True),
        ("{ $.status != 503 }", False),
        ("{ $.status > 500 }", True),
        ("{ $.status >= 503 && $.status <= 503 }", True),
        ("{ $.status < 503 }", False),
        ('{ $.level = "error" }', True),
        ("{ $.level = error }", True),
        ("{ $.level = 5 }", False),
        ("{ $.status = error }", False),
        ('{ $.path = "/orders/*" }', True),
        ('{ $.path = "/order*7" && $.level != "info" }', True),
        ('{ $.path = "*.orders" }', False),
        ("{ $.path = %^/orders/[0-9]+$% }", True),
        ("{ $.path != %orders% }", False),
        ('{ $.level = "info" || $.status = 503 }', True),
        ('{ $.level = "info" || $.status = 503 && $.status = 1 }', False),
        ('{ ($.level = "info" || $.status = 503) && $.user.admin IS TRUE }', True),
        ("{ $.user.id IS NULL }", True),
        ("{ $.user.ok is false }", True),
        ("{ $.user.ok IS TRUE }", False),
        ("{ $.user.name NOT EXISTS }", True),
        ("{ $.user.id NOT EXISTS }", False),
        ("{ $.user.name != x }", False),
        ('{ $.tags[1] = "b" }', True),
        ('{ $.tags[2] = "b" }', False),
        ('{ $.tags[*] = "b" }', True),
        ("{ $.items[*].price > 5 }", True),
        ("{ $['odd key'] = 1 }", True),
        ("{ $.user = 1 }", False),
    ],
)
def test_json(pattern, matches):
    assert compile(pattern)(MESSAGE) is matches


def test_a_message_that_is_no_json_matches_no_json_pattern():
    assert not compile("{ $.a NOT EXISTS }")("plain text")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("foo.bar", "put it in double quotes"),
        ('"open', "is a quote missing"),
        ("%(%", "no regular expression"),
        ("[ip, user", "a bracket missing"),
        ("{ $.a = 1", "brace missing"),
        ("{ $.a 1 2 }", "is none of IS NULL"),
        ("{ $.a = }", "expected a value"),
        ("{ level = 1 }", "expected a selector"),
        ("{ $.a > x }", "compares numbers"),
        ("{ ($.a = 1 }", r"expected '\)'"),
        ("{ $.a = 1 } x", "behind the closing brace"),
        ("{ $.a & 1 }", "cannot read"),
        ("{ $.a ) }", "expected a comparison"),
    ],
)
def test_a_bad_pattern_is_explained(pattern, why):
    with pytest.raises(InvalidPattern, match=why):
        compile(pattern)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ('"no such table"', ("no such table",)),
        ('ERROR "no such table" -debug', ("no such table",)),
        ("?ERROR ?Error", ("ERROR", "Error")),
        ("?ERROR timeout", ("timeout",)),
        ("-debug", ()),
        ("?ERROR %pan.c%", ()),
        ("%pan.c%", ()),
        ("{ $.status = 500 }", ('"status"', "\\u")),
        ("{ $.status >= 500 && $.level = error }", ("error", "\\u")),
        ('{ $.level = warn || $.request.path = "/orders/*" }', ("warn", '"request"', "\\u")),
        ("{ $.level = *rro* && ($.a IS NULL || $.b IS TRUE) }", ("rro", "\\u")),
        ("{ $.items[0].name != x }", ('"items"', "\\u")),
        ("{ $.a NOT EXISTS }", ()),
        ("{ $.a = 1 || $.b NOT EXISTS }", ()),
        ("{ $[0] = 1 }", ()),
        ("[ip, user]", ()),
        ("", ()),
    ],
)
def test_what_every_match_has_at_least_one_of(pattern, texts):
    assert needles(pattern) == texts


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.level = "error" }',
        "{ $.level = err* && $.status >= 500 }",
        "{ $.level = warn || $.n.m = 1 }",
        "{ $.status != 200 }",
        "{ $.n.m IS NULL }",
        "{ $.level NOT EXISTS }",
        "{ $.path = *orders* }",
        "{ $.list[1] = b }",
        "{ $.list[*] = c }",
    ],
)
def test_every_message_that_matches_a_json_pattern_has_one_of_its_needles(pattern):
    texts = [
        *('{"level": "error", "status": 500}', '{"level": "\\u0065rror", "status": 503.5}', '{"level": "errand"}'),
        *('{"\\u006cevel": "warn"}', '{"n": {"m": 1}}', '{"n": {"m": null}}', '{"path": "\\/orders\\/7"}'),
        *('{"list": ["a", "b", "c"]}', '{"status": NaN}', '{"status": 1e999, "level": "error"}', "[1]", "5", "no JSON"),
        *('{"status": 100000000000000000000}', '{"level": "\\ud800error"}', '{"status": 200, "status": 500}'),
    ]
    matching = [text for text in texts if compile(pattern)(text)]
    assert matching
    assert [text for text in matching if not any(needle in text for needle in needles(pattern) or ("",))] == []


def test_numbers_are_read_as_json_has_them():
    matches = compile("{ $.n > 5 }")
    assert [matches(f'{{"n": {n}}}') for n in ("6", "5", "1e999", "100000000000000000000", '"7"', "true")] == [
        *(True, False, True, True, False, False)
    ]

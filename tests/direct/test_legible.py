"""Log lines for people."""

import pytest

from culm.direct.legible import legible


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            '{"time": "2026-11-25T02:02:19.227+00:00", "level": "info", "message": "request", "status": 200, "a": ""}',
            "02:02:19 info  request status=200",
        ),
        (
            '{"time":"2026-11-25T02:02:19Z","level":"ERROR","msg":"it broke","why":"so"}',
            "02:02:19 error it broke why=so",
        ),
        ('{"event": "started", "ts": 1795574313.5}', "      started"),
        ("plain text", "plain text"),
        ('{"items": []}', '{"items": []}'),
        ("{broken", "{broken"),
        ('{"message": {"a": 1}}', '{"message": {"a": 1}}'),
    ],
)
def test_a_json_log_line_is_told_as_a_sentence_and_all_else_as_it_is(line: str, told: str) -> None:
    assert legible(line, coloured=False) == told


def test_levels_have_colours() -> None:
    assert legible('{"level": "warning", "message": "low"}', coloured=True) == "\x1b[33mwarning low\x1b[0m"
    assert "\x1b" not in legible('{"level": "info", "message": "low"}', coloured=True)

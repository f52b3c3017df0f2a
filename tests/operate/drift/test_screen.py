"""Differences on a screen, and for programs."""

from culm.cli.screens.drift import report, screen
from culm.operate.drift.rows import Row

IMAGE = "127.0.0.1:4566/bamboo/web@sha256:"
ROWS = [
    Row(what="repository bamboo/web", field="", wanted="there", live=None, wins="culm.yml"),
    Row(what="service web", field="image", wanted=IMAGE + "1" * 64, live=IMAGE + "2" * 64, wins="culm.yml"),
    Row(what="service web", field="maximumPercent", wanted="100", live="150", wins="culm.yml at the next roll"),
    Row(
        what="service web",
        field="logConfiguration.options.awslogs-stream-prefix",
        wanted="web",
        live="w",
        wins="culm.yml",
    ),
    Row(
        what="rule 5",
        field="",
        wanted=None,
        live="host-header staging.example.org and path-pattern /x/* to bamboo-web",
        wins="live",
    ),
]


def test_a_screen_of_80_columns_says_what_differs_and_who_wins() -> None:
    assert (
        screen("bamboo", "stg", ROWS)
        == """\
bamboo on stg: 5 differences; culm up overwrites 3

DIFFERS                     CULM.YML             LIVE                 AFTER UP
repository bamboo/web       there                -                    culm.yml
service web
  image                     111111111111         222222222222         culm.yml
  maximumPercent            100                  150                  culm.yml
                                                                      at the
                                                                      next roll
  logConfiguration.options  web                  w                    culm.yml
  .awslogs-stream-prefix
rule 5                      -                    host-header          left as is
                                                 staging.example.org
                                                 and path-pattern
                                                 /x/* to bamboo-web"""
    )


def test_no_difference_is_one_line() -> None:
    assert screen("bamboo", "local", []) == "bamboo on local is as culm.yml says"


def test_programs_get_everything_whole() -> None:
    [first, second, *_] = report("bamboo", "stg", ROWS)["differences"]
    assert first == {
        "what": "repository bamboo/web",
        "field": "",
        "wanted": "there",
        "live": None,
        "wins": "culm.yml",
    }
    assert second["live"] == IMAGE + "2" * 64

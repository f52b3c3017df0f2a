"""The model of how long a deploy takes on Amazon: within its budget, and in the guide."""

from pathlib import Path

from bench.aws_timing import BUDGET_SECONDS, Settings, compared, roll, table, total

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "aws-deploys.md"


def test_a_deploy_of_one_service_is_within_its_budget_and_awss_defaults_are_not() -> None:
    for start_first in (False, True):
        _, most = total(roll(Settings(), start_first=start_first))
        assert most < BUDGET_SECONDS
    least, _ = total(roll(Settings(interval=30, good=5, drain=300)))
    assert least > 5 * BUDGET_SECONDS


def test_the_guide_has_the_tables_as_they_are_now() -> None:
    text = GUIDE.read_text()
    assert table(roll(Settings())) in text, "python bench/aws_timing.py"
    assert compared() in text, "python bench/aws_timing.py"

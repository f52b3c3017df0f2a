"""Values changed in the text of culm.yml: comments, order and style stay."""

import pytest
import yaml

from culm.errors import UsageError
from culm.project.edit import line_of, with_value

MEMORY = ("services", "accounts", "memory")
INSTANCES = ("targets", "stg", "instances")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("services:\n  accounts:\n    memory: 256  # enough\n", "services:\n  accounts:\n    memory: 96  # enough\n"),
        ("services:\n  accounts: {memory: 256 MB, port: 1}\n", "services:\n  accounts: {memory: 96, port: 1}\n"),
        ("services:\n  accounts: {port: 1} # one\n", "services:\n  accounts: {port: 1, memory: 96} # one\n"),
        ("services:\n  accounts: {}\n", "services:\n  accounts: {memory: 96}\n"),
        ("services:\n  accounts:\n  web:\n", "services:\n  accounts: {memory: 96}\n  web:\n"),
        ("services:\n  accounts:  # the first\n", "services:\n  accounts: {memory: 96}  # the first\n"),
        ("services: {accounts: , web: }\n", "services: {accounts: {memory: 96} , web: }\n"),
        (
            "services:\n  accounts:\n    port: 1  # mine\n\n  # another\n  web:\n",
            "services:\n  accounts:\n    port: 1  # mine\n    memory: 96\n\n  # another\n  web:\n",
        ),
        (
            "services:\n  accounts:\n    after:\n      - web\n  web:\n",
            "services:\n  accounts:\n    after:\n      - web\n    memory: 96\n  web:\n",
        ),
        (
            "services:\n    accounts:\n        command: |\n            a\n\n    web:\n",
            "services:\n    accounts:\n        command: |\n            a\n        memory: 96\n\n    web:\n",
        ),
        ("services:\n  accounts:\n    port: 1", "services:\n  accounts:\n    port: 1\n    memory: 96\n"),
        (
            "services:\r\n  accounts:\r\n    port: 1\r\n",
            "services:\r\n  accounts:\r\n    port: 1\r\n    memory: 96\r\n",
        ),
        ("services:\n  web:\n", "services:\n  web:\n  accounts: {memory: 96}\n"),
        (
            "x-usual: &usual {memory: 256}\nservices:\n  accounts:\n    <<: *usual\n",
            "x-usual: &usual {memory: 256}\nservices:\n  accounts:\n    <<: *usual\n    memory: 96\n",
        ),
    ],
)
def test_one_value_changes_and_all_else_stays_as_it_is_written(before: str, after: str) -> None:
    assert with_value(before, MEMORY, "96") == after


def test_keys_above_a_value_are_added_with_it() -> None:
    changed = with_value("name: shop\n# what runs\nservices: {web: }\n", INSTANCES, "1 x t3.small")
    assert changed.endswith("services: {web: }\ntargets: {stg: {instances: 1 x t3.small}}\n")
    assert yaml.safe_load(changed)["targets"] == {"stg": {"instances": "1 x t3.small"}}


@pytest.mark.parametrize(
    "text",
    [
        "usual: &usual {port: 1}\nservices:\n  accounts: *usual\n",
        "services:\n  accounts: &usual {memory: 256}\n  web: *usual\n",
        "services:\n  accounts: {memory: &m 256}\n  web: {memory: *m}\n",
        "services: [accounts]\n",
        "",
    ],
)
def test_a_value_that_others_share_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"culm.yml:\d+: services.accounts.memory cannot be written here") as refusal:
        with_value(text, MEMORY, "96")
    assert refusal.value.hint == "write it: memory: 96"


def test_a_key_is_told_by_its_line_or_by_the_nearest_above() -> None:
    text = "name: shop\nservices:\n  web:\n  accounts:\n    memory: 256\n"
    assert [line_of(text, path) for path in (MEMORY, ("services", "web", "count"), INSTANCES)] == [5, 3, 1]

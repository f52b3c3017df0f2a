"""How a run of tests ended, kept for `.ci/again.sh`: only after a run that came to its end may a test be run again."""

import pytest


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep pytest's exit status in its cache, beside what failed: make's own is 2 whatever happened."""
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        cache.set("culm/exitstatus", int(exitstatus))

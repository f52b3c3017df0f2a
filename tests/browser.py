"""A real browser for the tests of a file. It ends with them: while Playwright runs, no other event loop can."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = "CULM_REQUIRE_BROWSER"
"""Set where a missing browser is a failure and not a reason to skip."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; skipped by name where there is none."""
    if CHROMIUM is None:
        if os.environ.get(REQUIRED):
            pytest.fail("there is no chromium: apt-get install chromium")
        pytest.skip("there is no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()

"""`culm open` of a target on AWS in a real browser: as a process of its own that knows AWS by its API alone."""

from typing import Any

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.conftest import _amazon as _amazon
from tests.amazon.conftest import account as account
from tests.amazon.conftest import shop as shop
from tests.amazon.test_pages import PAGES, furnish, publish
from tests.scenarios.test_page import findings
from tests.web.conftest import opened

PATIENCE_MS = 60_000


@pytest.mark.scenario
def test_every_page_of_a_target_on_aws_is_whole_in_a_browser(shop: Shop, browser: Any) -> None:
    furnish(shop)
    publish(shop)
    with opened(shop.folder, {}, "--target", "stg") as site:
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_MS)
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(site.entrance)
        page.wait_for_selector(".headline:has-text('2 of 2 services well')")
        for width, colours in ((1280, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=colours, reduced_motion="reduce")
            for path, words in PAGES.items():
                page.goto(f"{site.base}{path}")
                text = page.inner_text("body")
                wrong += [f"{path} {width}: no {word!r}" for word in words if word not in text]
                wrong += [f"{path} {width}: {each}" for each in ("cannot be", "hush-hush") if each in text]
                wrong += [f"{path} {width} {colours}: {each}" for each in findings(page)]
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wrong.append(f"{path} is wider than {width} px")
        page.context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(site.base)] == []

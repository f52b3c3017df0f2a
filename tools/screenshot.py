"""Takes the picture of the page that README begins with: `make screenshot`, with the examples up.

Needs Chromium, and the development dependencies. The window is small so that the file is.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "bamboo"
PICTURE = ROOT / "docs" / "page.png"
WIDTH, HEIGHT = 1100, 640
SETTLE_MILLISECONDS = 2500
"""For ages and the first measures."""


def main(folder: Path, picture: Path) -> None:
    """Open the page of the project in `folder` and take its picture."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "culm", "open", "--no-browser", "--read-only"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        address = next((found[0] for line in served.stderr if (found := re.search(r"http://\S+token=\S+", line))), None)
        if address is None:
            sys.exit("the page is not served; bring the examples up first: make run")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.goto(address)
                page.wait_for_timeout(SETTLE_MILLISECONDS)
                page.screenshot(path=picture)
                browser.close()
        finally:
            served.terminate()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE,
        Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE,
    )

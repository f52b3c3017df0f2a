"""What the browser loads: whose it is, that it is unchanged, and how much it is."""

import gzip
import hashlib
from importlib.resources import files

VENDORED = {
    # npm idiomorph 0.8.0, package/dist/idiomorph.min.js and package/LICENSE
    "idiomorph.min.js": "4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96",
    "idiomorph.LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}
MOST_COMPRESSED = 40_000
MOST_SCRIPT_LINES = 250
STATIC = files("culm.web") / "static"


def test_vendored_files_are_the_published_ones_each_with_its_licence():
    vendor = STATIC / "vendor"
    assert {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in vendor.iterdir()} == VENDORED
    assert "Zero-Clause BSD" in (vendor / "idiomorph.LICENSE").read_text()


def test_all_that_a_browser_loads_is_small():
    sent = [*(one for one in STATIC.iterdir() if one.is_file()), STATIC / "vendor" / "idiomorph.min.js"]
    assert sum(len(gzip.compress(one.read_bytes(), 9)) for one in sent) < MOST_COMPRESSED


def test_the_pages_own_script_stays_small_and_evaluates_nothing():
    script = (STATIC / "culm.js").read_text()
    assert len(script.splitlines()) <= MOST_SCRIPT_LINES
    for forbidden in ("eval(", "Function(", "document.write", ".onclick", "setAttribute('on"):
        assert forbidden not in script
    vendored = (STATIC / "vendor" / "idiomorph.min.js").read_text()
    assert "eval(" not in vendored and "new Function" not in vendored


def test_nothing_is_loaded_from_anywhere_else():
    for name in ("culm.css", "culm.js"):
        text = (STATIC / name).read_text()
        assert "http://" not in text and "https://" not in text
        assert "@import" not in text and "url(" not in text

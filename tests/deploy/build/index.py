"""A package index of two tiny wheels, in a folder: installs in tests need no network.

`tinyweb` is a server such as gunicorn is one: `tinyserve MODULE:NAME` imports the module from the working folder and
prints the name's value. It needs `tinydep`.
"""

import hashlib
import zipfile
from pathlib import Path

SERVER = """
import importlib, os, sys
import tinydep
def main():
    sys.path.insert(0, os.getcwd())
    module, _, name = sys.argv[1].partition(":")
    print("serving", getattr(importlib.import_module(module), name), tinydep.__name__, flush=True)
"""

BACKEND = """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "shop-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for source in os.listdir("src/shop"):
            if source.endswith(".py"):
                wheel.write(f"src/shop/{source}", f"shop/{source}")
        metadata(wheel)
    return name
def metadata(wheel):
    wheel.writestr("shop-1.dist-info/METADATA",
        "Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\nRequires-Dist: tinyweb\\n")
    wheel.writestr("shop-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("shop-1.dist-info/entry_points.txt", "[console_scripts]\\nshop = shop:main\\n")
    wheel.writestr("shop-1.dist-info/RECORD", "")
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "shop-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("shop.pth", os.path.abspath("src") + "\\n")
        metadata(wheel)
    return name
"""
"""A build backend that needs nothing, for a project `shop` in `src/`."""

PROJECT = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["tinyweb"]\n'
    'requires-python = ">=3.9"\nscripts = {shop = "shop:main"}\n'
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": BACKEND,
    "src/shop/__init__.py": "import tinydep\nname = 'shop'\ndef main(): print('shop', tinydep.__name__, flush=True)\n",
    "src/shop/__main__.py": "import shop\nshop.main()\n",
}


def wheel(folder: Path, name: str, code: str, requires: str = "", script: str = "") -> None:
    """Put one into the index."""
    home = folder / "simple" / name
    home.mkdir(parents=True)
    file = home / f"{name}-1.0-py3-none-any.whl"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", code)
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if script:
            archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{script}\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (home / "index.html").write_text(f'<a href="{file.name}#sha256={digest}">{file.name}</a>')


def index(folder: Path) -> str:
    """The index's URL."""
    wheel(folder, "tinydep", "")
    wheel(folder, "tinyweb", SERVER, "tinydep", "tinyserve = tinyweb:main")
    return (folder / "simple").as_uri()

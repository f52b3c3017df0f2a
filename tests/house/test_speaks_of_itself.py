"""The project names neither the machines it was made on nor any registry's hosts."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOREIGN = re.compile(r"pythonh[o]sted|registry\.npmj[s]|deb\.debian\.or[g]|/ro{2}t/")


def test_no_tracked_file_names_a_registry_host_or_a_home_folder():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    strays = [
        f"{name}:{number}"
        for name in files.split("\0")
        if name
        and not name.startswith(".ci/")
        and (ROOT / name).is_file()
        and name != Path(__file__).relative_to(ROOT).as_posix()
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert strays == []

"""What is loaded into Python and Node.js programs of host processes, so that a port in their code is their own.

In a container port 8000 is the program's own. A host process shares it with all others, so culm gives it another one
in PORT and rewrites command lines; a port that stands in the code itself, `app.run(port=8000)`, is out of their reach.
Both languages load a file before a program's own code, and let it change how sockets listen: Python a `sitecustomize`
on PYTHONPATH, Node.js what NODE_OPTIONS names. There a wildcard address with a container port becomes the instance's
address with the host's port, and `localhost` with that port, when the program calls itself, the same.

uvloop opens its sockets in C: its servers are told another address, once the program has imported it. A program on
which this has no hold (Go, Java) listens where it wants, and is looked for there.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from culm.cluster.instance.runtime.interface import Port

VARIABLE = "CULM_LISTEN"
"""`127.77.0.11 8000=40123 9000=40124`: the instance's address, and each container port with the host's."""
PEERS = "CULM_PEERS"
"""The same of the task's other containers in the same network: only calls to `localhost` go there."""
FILES = {"listen.py": "sitecustomize.py", "listen.cjs": "listen.cjs"}
"""What each file is called beside a program: Python knows its own by the name alone."""


def place(folder: Path) -> None:
    """Copy the files into `folder`, where every user of a container reads them."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, placed in FILES.items():
        shutil.copyfile(Path(__file__).parent / name, folder / placed)


def environment(
    given: dict[str, str], ports: Sequence[Port], address: str, folder: Path, peers: Sequence[Port] = ()
) -> dict[str, str]:
    """Return the variables that have both languages load the files of `folder`, beside what `given` has for them."""
    named = {name: _pairs(each) for name, each in ((VARIABLE, ports), (PEERS, peers))}
    moved = {name: " ".join([address, *pairs]) for name, pairs in named.items() if pairs}
    if not moved:
        return {}
    path = f"{folder}:{given['PYTHONPATH']}" if given.get("PYTHONPATH") else str(folder)
    options = f'--require "{folder / "listen.cjs"}"'
    return {
        **moved,
        "PYTHONPATH": path,
        "NODE_OPTIONS": f"{given['NODE_OPTIONS']} {options}" if given.get("NODE_OPTIONS") else options,
    }


def _pairs(ports: Sequence[Port]) -> list[str]:
    """Return `8000=40123` for each TCP port."""
    return [f"{port.container_port}={port.host_port}" for port in ports if port.protocol == "tcp"]

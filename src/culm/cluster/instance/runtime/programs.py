"""Why a program that is there cannot be executed, told from how its file begins; pure.

The kernel says "no such file or directory" of a script whose interpreter is missing, and "exec format error" of a
program for another processor. Both mean something else to whoever reads them.

https://man7.org/linux/man-pages/man2/execve.2.html
https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
"""

import re

HEAD_BYTES = 256
"""As much of a file as is looked at: the kernel itself reads no more of a script's first line."""
_ELF = b"\x7fELF"
_MACHINES = {3: "386", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 21: "ppc64le", 22: "s390x"}
_NAMES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "i686": "386", "armv7l": "arm"}
_FILE = re.compile(r'exec:? "?(/[^":\s]+)"?')


def why_not(head: bytes, machine: str) -> str | None:
    """Return what is wrong with a program that begins with `head`.

    None when nothing is. `machine`: `platform.machine()`.
    """
    if head.startswith(b"#!"):
        first, separator, _ = head.partition(b"\n")
        if separator and first.endswith(b"\r"):
            interpreter = first[2:-1].decode(errors="replace").strip()
            return (
                f"its first line ends with a carriage return, so that its interpreter is {interpreter}\\r: the file has"
                " Windows line ends; save it with LF (git: `*.sh text eol=lf` in .gitattributes)"
            )
        return None
    if head.startswith(_ELF) and len(head) >= 20:
        number = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
        made_for, here = _MACHINES.get(number, f"machine {number}"), _NAMES.get(machine, machine)
        if made_for != here and not (made_for == "386" and here == "amd64"):
            return f"it is a program for {made_for}, and this machine is {here}: build the image for linux/{here}"
        return None
    if head:
        return "it is neither a program nor a script: a script begins with #! and its interpreter, such as #!/bin/sh"
    return None


def file_named(message: str) -> str | None:
    """Return the file that an engine's complaint is about: `... exec: "/entry.sh": no such file or directory`."""
    match = _FILE.search(message)
    return match[1] if match else None

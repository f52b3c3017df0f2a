"""How to start PostgreSQL as root, which it refuses to be: a command prefix that makes it somebody else.

Run as a script it enters a user namespace in which root is called 1000, and execs its arguments; the files stay root's
own, so a home that only root may enter is no obstacle. Where the kernel or a container forbids user namespaces,
util-linux's `setpriv` becomes the overflow user 65534 that keeps the one capability it needs to reach its folder.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

OVERFLOW_USER = 65534


def prefix() -> list[str]:
    """Return what to put in front of a PostgreSQL command line; empty when we are not root.

    Raises `LookupError` where root can become nobody.
    """
    if os.geteuid() != 0:
        return []
    namespace = [sys.executable, "-I", "-S", __file__]
    if subprocess.run([*namespace, "/bin/true"], capture_output=True, check=False).returncode == 0:
        return namespace
    if setpriv := shutil.which("setpriv"):
        user = [setpriv, f"--reuid={OVERFLOW_USER}", f"--regid={OVERFLOW_USER}", "--clear-groups"]
        user += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
        if subprocess.run([*user, "/bin/true"], capture_output=True, check=False).returncode == 0:
            return user
    raise LookupError("this machine allows root neither user namespaces nor setpriv")


def owner(command_prefix: Sequence[str]) -> int:
    """Return the user id, as seen from here, that a data folder must have for a server started with this prefix."""
    return OVERFLOW_USER if command_prefix and "setpriv" in command_prefix[0] else os.geteuid()


def _enter_user_namespace() -> None:
    import ctypes

    clone_newuser = 0x10000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newuser) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    for name, text in (("setgroups", "deny"), ("uid_map", "1000 0 1"), ("gid_map", "1000 0 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


if __name__ == "__main__":
    _enter_user_namespace()
    os.execv(sys.argv[1], sys.argv[1:])

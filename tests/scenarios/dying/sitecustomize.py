"""Kills the cluster's daemon at a chosen point; Python imports it at its start where this folder is in PYTHONPATH.

CULM_DIES_AT=starting:N or serving:N: SIGKILL before the Nth of the daemon's changes, counted from its start, or from
when it says that it is ready. Changes are the statements that write to SQLite, and files that are opened for writing,
renamed, removed or made. Where strace can be had, bench/crash_points.py goes deeper.
"""

import os
import signal
import sqlite3
import sys

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
WRITING = os.O_WRONLY | os.O_RDWR
since, _, number = os.environ.get("CULM_DIES_AT", "").partition(":")
left = int(number or 0)
counts = since == "starting"


def change():
    global left
    left -= counts
    if counts and left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def statement(text):
    if not text.startswith(("SELECT", "PRAGMA")):
        change()


def connected(*arguments, **options):
    database = connect(*arguments, **options)
    database.set_trace_callback(statement)
    return database


def audited(event, arguments):
    global counts
    if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
        change()
    if event == "os.rename" and str(arguments[1]).endswith("cluster.json"):
        counts = True


if left and "culm.cluster.daemon" in sys.orig_argv:
    connect = sqlite3.connect
    sqlite3.connect = connected
    sys.addaudithook(audited)

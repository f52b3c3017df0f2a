"""The daemon's command line; `culm cluster start` writes it."""

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path

from culm.cluster.daemon import daemon, limits
from culm.cluster.daemon.settings import Settings
from culm.cluster.store.db import disk_is_full
from culm.errors import CulmError


def main() -> int:
    """Run the cluster until it is told to end; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m culm.cluster.daemon")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--runtime", choices=("auto", "docker", "process"), default="auto")
    parser.add_argument("--instances", default="2 x t2.micro")
    parser.add_argument("--port", type=int)
    parser.add_argument("--https-port", type=int)
    parser.add_argument("--region", default="")
    parser.add_argument("--account", default="")
    parser.add_argument("--no-verify", dest="verify", action="store_false")
    parser.add_argument("--reset-over-http", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    settings = Settings(**vars(parser.parse_args()))
    limits.log_to_standard_error()
    limits.raise_file_limit()
    limits.bound_arenas()
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # docker push tries TLS first, which it would warn of
    try:
        try:
            asyncio.run(daemon.serve(settings))
        except Exception as error:
            if not disk_is_full(error):
                raise
            what = f"no space is left on the disk of {settings.home}"
            raise CulmError(what, "culm cluster prune, or free some space elsewhere on that disk") from error
    except CulmError as error:
        if settings.ready_fd is None:
            print(f"culm: {error.what}", f"try: {error.hint}", sep="\n", file=sys.stderr)
        else:
            with os.fdopen(settings.ready_fd, "w") as answer:
                json.dump({"what": error.what, "hint": error.hint}, answer)
        return error.exit_status
    return 0


sys.exit(main())

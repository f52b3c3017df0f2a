"""The daemon's command line; `culm cluster start` writes it."""

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path

from culm.cluster.daemon import daemon
from culm.cluster.daemon.settings import Settings
from culm.errors import CulmError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m culm.cluster.daemon")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--runtime", choices=("auto", "docker", "process"), default="auto")
    parser.add_argument("--instances", default="2 x t2.micro")
    parser.add_argument("--port", type=int)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--no-verify", dest="verify", action="store_false")
    parser.add_argument("--ready-fd", type=int)
    settings = Settings(**vars(parser.parse_args()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # docker push tries TLS first, which it would warn of
    try:
        asyncio.run(daemon.serve(settings))
    except CulmError as error:
        if settings.ready_fd is None:
            print(f"culm: {error.what}", f"try: {error.hint}", sep="\n", file=sys.stderr)
        else:
            with os.fdopen(settings.ready_fd, "w") as answer:
                json.dump({"what": error.what, "hint": error.hint}, answer)
        return error.exit_status
    return 0


sys.exit(main())

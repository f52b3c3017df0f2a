"""`python -m tests.amazon`: the stand-in for Amazon as a server, to try culm against by hand.

It serves until Ctrl-C. All that it keeps is gone then.
"""

import argparse
import threading

import pytest
from tests.amazon.amazon import ACCOUNT, REGION, amazon
from tests.aws.completed import complete


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.amazon", description=__doc__)
    parser.add_argument("--instances", type=int, default=2, help="t2.micros that run at first (default: 2)")
    parser.add_argument("--late", type=int, default=0, help="looks that pass before they have joined (default: 0)")
    chosen = parser.parse_args()
    with pytest.MonkeyPatch.context() as patch:
        complete(patch)
        with amazon() as account:
            account.launch(chosen.instances)
            account.machines.late = chosen.late
            print(f"account {ACCOUNT} is served. A target for culm.yml:\n")
            print(f"  stg: {{provider: aws, region: {REGION}, endpoint_url: '{account.url}'}}\n")
            print("export AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=secret")
            print("Ctrl-C ends it.", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print()


if __name__ == "__main__":
    main()

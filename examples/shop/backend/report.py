"""What the day brought, for the log and as a file; culm.yml says when it is run."""

import datetime
import os
from pathlib import Path

import orders

if __name__ == "__main__":
    counts = orders.counts()
    text = f"{counts['done']} orders done, {counts['waiting']} waiting"
    day = datetime.datetime.now(datetime.UTC).date()
    (Path(os.environ["REPORTS"]) / f"{day}.txt").write_text(f"{text}\n")
    print(f"report: {text}")

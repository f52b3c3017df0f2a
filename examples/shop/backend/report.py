"""What the day brought, for the log; culm.yml says when it is run."""

import orders

if __name__ == "__main__":
    orders.prepare()
    counts = orders.counts()
    print(f"report: {counts['done']} orders done, {counts['waiting']} waiting")

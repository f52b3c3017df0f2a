"""Numbers and times as a person reads them, the same on the page and in the terminal; pure."""


def ago(seconds: float) -> str:
    """Return an age as text, `40 s`, `3 min`, `2 h` or `5 d`: one unit is enough to know how fresh something is."""
    if seconds < 0.5:
        return "0 s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def span_of(seconds: float) -> str:
    """Return how long something took as text: `4.1 s`, `1 min 24 s`, `3 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(megabytes: float) -> str:
    """Return how much something takes as text: `18 kB`, `41.3 MB`, `1,204 MB`."""
    if megabytes < 1:
        return f"{megabytes * 1000:.0f} kB"
    return f"{megabytes:,.1f} MB" if megabytes < 100 else f"{megabytes:,.0f} MB"


def rate(per_second: float | None) -> str:
    """Return a rate as text, `4.1 req/s`; an em dash for what is not known."""
    if per_second is None:
        return "—"
    return f"{per_second:.1f} req/s" if per_second < 100 else f"{per_second:,.0f} req/s"


def share(part: float | None) -> str:
    """Return a share as text: `0.5 %` for 0.005; an em dash for what is not known."""
    if part is None:
        return "—"
    percent = part * 100
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


def typical(mean: float | None, p95: float | None) -> str:
    """Return a typical latency as text: `9 ms` for a p95; where only the mean is known, `mean 9 ms`."""
    if p95 is not None:
        return latency(p95)
    return "—" if mean is None else f"mean {latency(mean)}"


def latency(seconds: float | None) -> str:
    """Return seconds as people read them: `1.2 s`, `35 ms`, a dash for none."""
    if seconds is None:
        return "—"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"


def mebibytes(amount: float | None) -> str:
    return "—" if amount is None else f"{amount:,.0f} MiB"


def dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def plural(count: int, each: str, many: str = "") -> str:
    """Return a number of things as text: `1 task`, `3 tasks`."""
    return f"{count} {each if count == 1 else many or each + 's'}"


def short(digest: str) -> str:
    """Return enough of a digest or an id to tell it from others."""
    return digest.removeprefix("sha256:")[:8]

"""Price lists from disk: those that culm brings, or the user's own."""

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec

from culm.errors import UsageError
from culm.plan.bill import PriceList

DEFAULT_REGION = "us-east-1"


def brought() -> list[str]:
    """Return the regions whose prices culm brings."""
    folder = files("culm.plan") / "prices"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load(region: str, own: Path | None = None) -> PriceList:
    """Return the user's own list, or the region's."""
    if own is not None:
        return parse(own.read_text(), str(own))
    if region not in brought():
        example = files("culm.plan") / "prices" / f"{DEFAULT_REGION}.toml"
        raise UsageError(
            f"culm brings no prices of {region}; it has {', '.join(brought())}",
            f"--prices FILE takes a list of your own, in the form of {example}",
        )
    path = files("culm.plan") / "prices" / f"{region}.toml"
    return parse(path.read_text(), path.name)


def known(region: str) -> str:
    """Return the region, if culm brings its prices, or else the default one, whose name on the bill then tells it."""
    return region if region in brought() else DEFAULT_REGION


def parse(text: str, name: str) -> PriceList:
    """Return the price list that a TOML text is; `name` is for messages. Raises UsageError where it is none."""
    try:
        read = tomllib.loads(text)
        return msgspec.convert(read | {"date": str(read.get("date", ""))}, PriceList, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{name} is no price list: {error}", "copy the one that culm brings and change it") from None

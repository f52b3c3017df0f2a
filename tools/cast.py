"""Records `culm up` of the examples in a terminal, as the moving picture in README: `make cast`.

A copy of the examples is brought up twice on a cluster of its own: the first time makes what is kept between deploys,
the second is recorded. tmux is the terminal; what it shows is read a few times a second. The picture is an SVG that
holds every line once and every screen as a list of lines; CSS moves from screen to screen. Waits are cut to LONGEST.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "bamboo"
PICTURE = ROOT / "docs" / "up.svg"
COLUMNS, ROWS = 88, 22
EVERY = 0.2
"""Seconds between two looks at the terminal."""
LONGEST, LAST = 0.7, 6.0
"""Seconds for which a screen is recorded at most; the last one stays."""
WHOLE, SHORTEST = 18.0, 0.25
"""Seconds that all others are shown for together, and each at least: what came between is left out."""
CHARACTER, LINE, MARGIN = 8.43, 19, 16
"""Pixels."""
INK, PAPER = "#e3eae4", "#111612"
COLOURS = {"green": "#7fcf9f", "red": "#ff8f85", "yellow": "#efbd62", "cyan": "#7cc4f0", "blue": "#7cc4f0"}


@dataclass(frozen=True)
class Screen:
    """What the terminal showed, with its escapes, and for how many seconds."""

    lines: tuple[str, ...]
    seconds: float


def main(picture: Path) -> None:
    """Record the examples' `up` into `picture`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bamboo"
        shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("__pycache__", ".culm", ".pytest_cache"))
        settings = place / "culm.yml"
        settings.write_text(settings.read_text().replace("local: {", f"local: {{port: {free_port()}, ", 1))
        own = {"CULM_HOME": f"{folder}/home", "CULM_KEYS": f"{folder}/keys", "TERM": "xterm-256color"}
        environment = {**os.environ, **own}
        (Path(folder) / "home").mkdir(mode=0o700)
        culm = [sys.executable, "-m", "culm"]
        try:
            for command in (["up"], ["down", "--yes"]):
                subprocess.run([*culm, *command], cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
            screens = record([*culm, "up"], place, environment)
        finally:
            subprocess.run([*culm, "down", "--yes"], cwd=place, env=environment, capture_output=True, check=False)
            subprocess.run([*culm, "cluster", "stop"], cwd=place, env=environment, capture_output=True, check=False)
    picture.write_text(svg(hurried(screens)))


def free_port() -> int:
    """Return the first port from 8080 on that nobody listens on."""
    for port in range(8080, 8100):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit("every port from 8080 to 8099 is taken")


def record(command: Sequence[str], place: Path, environment: dict[str, str]) -> list[Screen]:
    """Run a command in a terminal of its own, and return its screens in their order."""
    tmux = ["tmux", "-S", str(place.parent / "tmux"), "-f", "/dev/null"]
    typed = f"printf '\\033[1m$ culm {command[-1]}\\033[0m\\n'; {shlex.join(command)}; echo $? > ../over; sleep 60"
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    subprocess.run([*tmux, "new-session", "-d", *size, typed], cwd=place, env=environment, check=True)
    screens: list[Screen] = []
    try:
        while not (place.parent / "over").exists():
            time.sleep(EVERY)
            shown = subprocess.run([*tmux, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True)
            lines = tuple(shown.stdout.rstrip("\n").split("\n"))
            if screens and screens[-1].lines == lines:
                screens[-1] = Screen(lines, min(screens[-1].seconds + EVERY, LONGEST))
            else:
                screens.append(Screen(lines, EVERY))
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    if (place.parent / "over").read_text().strip() != "0":
        raise SystemExit("the command failed, which is no picture for README:\n" + "\n".join(screens[-1].lines))
    screens[-1] = Screen(screens[-1].lines, LAST)
    return screens


def hurried(screens: Sequence[Screen]) -> list[Screen]:
    """Return fewer screens that are shown for WHOLE seconds at most, and the last one after them."""
    *before, last = screens
    faster = min(1.0, WHOLE / max(sum(screen.seconds for screen in before), 0.1))
    kept, waited = [], 0.0
    for screen in before:
        waited += screen.seconds * faster
        if waited >= SHORTEST:
            kept.append(Screen(screen.lines, waited))
            waited = 0.0
    return [*kept, last]


def svg(screens: Sequence[Screen]) -> str:
    """Return the moving picture; who wants no motion sees the last screen."""
    numbers: dict[str, int] = {}
    for screen in screens:
        for line in screen.lines:
            numbers.setdefault(line, len(numbers))
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, ROWS * LINE + 2 * MARGIN
    whole = sum(screen.seconds for screen in screens)
    stops, at = [], 0.0
    for number, screen in enumerate(screens):
        stops.append(f"{100 * at / whole:.3f}%{{transform:translateY(-{number * height}px)}}")
        at += screen.seconds
    last = f"transform:translateY(-{(len(screens) - 1) * height}px)"
    shown = (
        f'<g transform="translate({MARGIN} {number * height + MARGIN})">'
        + "".join(
            f'<use href="#l{numbers[line]}" y="{row * LINE}"/>' for row, line in enumerate(screen.lines) if line.strip()
        )
        + "</g>"
        for number, screen in enumerate(screens)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-label="culm up in a terminal">\n<style>\n'
        f"text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{INK};"
        "white-space:pre}\n"
        f"#s{{animation:s {whole:.1f}s step-end infinite}}\n@keyframes s{{{''.join(stops)}}}\n"
        f"@media(prefers-reduced-motion:reduce){{#s{{animation:none;{last}}}}}\n</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>\n<defs>\n'
        + "".join(f'<text id="l{number}" y="{LINE - 5}">{_line(line)}</text>\n' for line, number in numbers.items())
        + f'</defs>\n<svg width="{width}" height="{height}"><g id="s">\n{chr(10).join(shown)}\n</g></svg>\n</svg>\n'
    )


def _line(ansi: str) -> str:
    """Return a line of the terminal as pieces of text that are placed at their columns."""
    text = Text.from_ansi(ansi)
    pieces, at = [], 0
    for segment in text.render(_Console()):  # type: ignore[arg-type]
        style = segment.style or Style()
        if segment.text.strip():
            colour = style.color.name.removeprefix("bright_") if style.color else ""
            fill = f' fill="{COLOURS[colour]}"' if colour in COLOURS else ""
            weight = ' font-weight="700"' if style.bold else ""
            faint = ' opacity=".65"' if style.dim else ""
            wide = len(segment.text.rstrip())
            length = f' textLength="{wide * CHARACTER:.1f}"' if wide > 1 else ""
            pieces.append(
                f'<tspan x="{at * CHARACTER:.1f}"{length}{fill}{weight}{faint}>{escape(segment.text.rstrip())}</tspan>'
            )
        at += len(segment.text)
    return "".join(pieces)


class _Console:
    """All that rich asks for to cut a line into pieces of one style."""

    def get_style(self, style: str | Style, *, default: Style | None = None) -> Style:
        return style if isinstance(style, Style) else Style.parse(style) if style else default or Style()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)

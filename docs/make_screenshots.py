"""Pictures of the day's page for the documents: a day in the sample world, seen in a browser without a window.

`make screenshots` runs it. It needs Chromium or Chrome on the PATH, and writes docs/images/*.png.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell")
DAY = date(2026, 11, 20)
MOST_BYTES = 300_000
_PAGE_TIMEOUT_S = 120
_DAY_TIMEOUT_S = 900
_SHORTER = 0.85


@dataclass(frozen=True, slots=True)
class View:
    """One picture: how wide the window is and how much of the page it shows, in pixels."""

    name: str
    width: int
    height: int
    is_dark: bool = False


VIEWS = (
    View("day-phone", 390, 1500),
    View("day-phone-dark", 390, 1500, is_dark=True),
    View("day-desktop", 1200, 1300),
)


class CannotDraw(Exception):
    """Something that pictures need is not there, or did not work: what, and what helps."""


def main(arguments: Sequence[str]) -> int:
    """Make every picture; return the exit code: 2 if the person must install or correct something."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documents.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="where the pictures go")
    parser.add_argument("--page", type=Path, help="a finished page, instead of rehearsing a day")
    chosen = parser.parse_args(arguments)
    try:
        browser = find_browser()
        with tempfile.TemporaryDirectory() as scratch:
            page = chosen.page or rehearsed_page(Path(scratch) / "day")
            for view in VIEWS:
                sys.stdout.write(f"{picture(browser, page, view, chosen.out, Path(scratch))}\n")
    except CannotDraw as error:
        sys.stderr.write(f"make screenshots: {error}\n")
        return 2
    return 0


def find_browser() -> str:
    """Return the browser's path. Raises CannotDraw if none is on the PATH."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise CannotDraw("no Chromium or Chrome on the PATH; install one, such as the package chromium")
    return found


def rehearsed_page(out: Path) -> Path:
    """Return the page of a whole day of the team in the sample world. Raises CannotDraw if there is none."""
    command = [
        sys.executable, "-m", "harness", "day", "--workspace", str(ROOT), "--world", "sample", "--date", f"{DAY}",
        "--out", str(out),
    ]  # fmt: skip
    sys.stderr.write("rehearsing the day …\n")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_DAY_TIMEOUT_S, check=False)
    pages = sorted(out.glob(f"**/digests/{DAY}/zoe-daily-digest.html"))
    if not pages:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CannotDraw(f"the day left no page; harness day said: {said[-1] if said else 'nothing'}")
    return pages[0]


def picture(browser: str, page: Path, view: View, out: Path, scratch: Path) -> Path:
    """Write the picture and return its path; the window gets shorter until the file is small enough.

    Raises CannotDraw if the browser does not do it.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{view.name}.png"
    height = view.height
    while True:
        _shoot(browser, page, view, height, path, scratch)
        if path.stat().st_size <= MOST_BYTES:
            return path
        height = int(height * _SHORTER)


def _shoot(browser: str, page: Path, view: View, height: int, path: Path, scratch: Path) -> None:
    path.unlink(missing_ok=True)
    command = [
        browser, "--headless", "--disable-gpu", "--no-sandbox", "--hide-scrollbars", "--no-first-run",
        f"--user-data-dir={scratch / 'browser'}", f"--window-size={view.width},{height}",
        # What a phone tells a page of its owner's taste.
        f"--blink-settings=preferredColorScheme={0 if view.is_dark else 1}",
        f"--screenshot={path}", page.resolve().as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PAGE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise CannotDraw(f"{browser} did not draw {page} within {_PAGE_TIMEOUT_S} s") from error
    if not path.is_file():
        said = done.stderr.strip().splitlines()
        raise CannotDraw(f"{browser} drew nothing of {page}: {said[-1] if said else 'it said nothing'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

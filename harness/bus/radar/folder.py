"""`shared-context/radar/`: the pages of the Tech Radar on disk, written while people and agents write there too."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bus.files.edited_file import EditedFile, locked_folder
from harness.bus.radar.page import new_page, read_page
from harness.domain.errors import Finding, OwnerError, ToolError
from harness.domain.radar import Move, Technology
from harness.domain.source import canonical_url
from harness.store.durable_file import sync_folder
from harness.workspace.report import Report

FOLDER = "shared-context/radar"
OVERVIEW = "README.md"

_SLUG_CHARS = 60
_HASH_CHARS = 6
_RESERVED = "readme"


@dataclass(frozen=True, slots=True)
class Radar:
    """All pages by their slugs; `problems` are in those that cannot be read, which are left alone."""

    technologies: tuple[Technology, ...] = ()
    problems: tuple[Finding, ...] = ()

    def find(self, words: str) -> Technology | None:
        """Return what is meant by a slug, a name or an address."""
        exact = (one for one in self.technologies if one.slug == words.strip())
        return next(exact, None) or next((one for one in self.technologies if one.is_called(words)), None)


class RadarFolder:
    """The pages of one workspace. `saved` is called when a new text is on disk beside its page, and not in it yet."""

    def __init__(self, root: Path, saved: Callable[[], None] = lambda: None) -> None:
        self._folder = root / FOLDER
        self._saved = saved

    def read(self) -> Radar:
        """Return all pages, and what is wrong with those that cannot be read."""
        technologies: list[Technology] = []
        problems: list[Finding] = []
        for slug in self._slugs():
            technology, found = self._read(slug)
            if technology is not None:
                technologies.append(technology)
            problems += found
        return Radar(tuple(technologies), tuple(problems))

    def page(self, slug: str) -> Technology | None:
        """Return what one page says; None if there is none, or it cannot be read."""
        return self._read(slug)[0] if slug in self._slugs() else None

    def add(self, technology: Technology, move: Move) -> Technology:
        """Write the page of what was discovered, and return it; what has one already by its address or name, as it is.

        The slug is made from the name. On disk when this returns.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked_folder(self._folder):
            known = self.read()
            before = known.find(technology.url) or known.find(technology.name)
            if before is not None:
                return before
            slug = _slug(technology, self._slugs())
            aside = self._folder / f".{secrets.token_hex(6)}.new"
            try:
                with aside.open("xb") as file:
                    file.write(new_page(technology, move).encode("utf-8"))
                    file.flush()
                    os.fsync(file.fileno())
                self._saved()
                # A link, as it replaces nothing: a person may have made the file meanwhile.
                os.link(aside, self._folder / f"{slug}.md")
            except FileExistsError:
                raise ToolError(f"somebody made {path_of(slug)} at this moment; look at it, and try again") from None
            finally:
                aside.unlink(missing_ok=True)
            sync_folder(self._folder)
        return next(one for one in self.read().technologies if one.slug == slug)

    def edit(self, slug: str, change: Callable[[str], str]) -> str:
        """Make the page what `change` makes of it; see `EditedFile.edit`."""
        return self._file(slug).edit(change)

    def edit_overview(self, change: Callable[[str], str]) -> str:
        """Make the overview what `change` makes of it; see `EditedFile.edit`."""
        return EditedFile(self._folder / OVERVIEW, f"{FOLDER}/{OVERVIEW}", self._saved).edit(change)

    def _read(self, slug: str) -> tuple[Technology | None, list[Finding]]:
        report, technology = Report(path_of(slug)), None
        try:
            technology = read_page(slug, self._file(slug).read(), report)
        except OwnerError as error:
            report.error(error.line, error.problem, error.fix)
        return technology, [entry.finding for entry in report.entries]

    def _slugs(self) -> list[str]:
        try:
            names = [entry.name for entry in self._folder.iterdir() if entry.is_file()]
        except FileNotFoundError:
            return []
        pages = (name for name in names if name.endswith(".md") and not name.startswith("."))
        return sorted(name.removesuffix(".md") for name in pages if name != OVERVIEW)

    def _file(self, slug: str) -> EditedFile:
        return EditedFile(self._folder / f"{slug}.md", path_of(slug), self._saved)


def path_of(slug: str) -> str:
    """Return the path of a page in the workspace."""
    return f"{FOLDER}/{slug}.md"


def _slug(technology: Technology, taken: Sequence[str]) -> str:
    """Return the name of the page: the words of the technology's name, with a hash where another has the same."""
    plain = unicodedata.normalize("NFKD", technology.name).encode("ascii", "ignore").decode("ascii")
    words = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_SLUG_CHARS].strip("-")
    if words and words != _RESERVED and words not in (one.casefold() for one in taken):
        return words
    short = hashlib.sha256(f"{technology.name}\n{canonical_url(technology.url)}".encode()).hexdigest()[:_HASH_CHARS]
    return f"{words or 'technology'}-{short}"

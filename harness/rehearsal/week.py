"""What is published in the sample world on the days around the rehearsed one, told a line a story.

A file of `sample/week/` has sections, each an outlet: `@slug` for one that has a file of its own, or `@slug | Name |
Tagline | format | lists` for one that is told here alone. A line below is `DAY HH:MM | Title | Text.`, with DAY counted
from the first rehearsed day; `DAY HH:MM =outlet/slug | Text.` reports under the title of another. `[slug]` after the
moment names the story's own address, which is otherwise made of the first words of its title; a fourth part is the text
of the page where it differs from that of the feed. In `papers.txt` a line is a preprint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PAPERS = "papers.txt"

_LINE = re.compile(r"(?P<day>-?\d+) (?P<hour>\d\d):(?P<minute>\d\d)(?: \[(?P<slug>\S+)\]| =(?P<echo>\S+))?")
_SLUG_WORDS = 6


def with_week(sites: Mapping[str, Mapping[str, Any]], texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the tables of the sites, by file name, with the stories that the texts of the week tell.

    Raises ValueError naming the file and the line that cannot be read.
    """
    told = {name: {**table, "story": list(table.get("story", []))} for name, table in sites.items()}
    for file, text in texts.items():
        if file != PAPERS:
            _add_sections(file, text, told)
    return told


def read_papers(text: str) -> list[dict[str, Any]]:
    """Return the tables of the preprints. Raises ValueError as `with_week` does."""
    return [_paper(where, parts) for where, parts in _lines(PAPERS, text)]


def _add_sections(file: str, text: str, told: dict[str, dict[str, Any]]) -> None:
    stories: list[dict[str, Any]] | None = None
    for where, parts in _lines(file, text):
        if parts[0].startswith("@"):
            stories = _open_section(where, parts, told)
        elif stories is None:
            raise ValueError(f"{where}: a story stands before the first outlet")
        else:
            stories.append(_story(where, parts))


def _lines(file: str, text: str) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield f"week/{file}:{number}", [part.strip() for part in line.split(" | ")]


def _open_section(where: str, parts: list[str], told: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    name = f"{parts[0].removeprefix('@')}.toml"
    if len(parts) == 5 and name not in told:
        told[name] = {
            "name": parts[1],
            "tagline": parts[2],
            "format": parts[3],
            "lists": parts[4].split(", "),
            "story": [],
        }
    elif len(parts) != 1 or name not in told:
        raise ValueError(f"{where}: {parts[0]} is not an outlet; write @slug | Name | Tagline | format | lists")
    stories: list[dict[str, Any]] = told[name]["story"]
    return stories


def _story(where: str, parts: list[str]) -> dict[str, Any]:
    moment = _LINE.fullmatch(parts[0])
    wanted = 2 if moment and moment["echo"] else 3
    if moment is None or len(parts) not in (wanted, 4):
        raise ValueError(f"{where}: write DAY HH:MM | Title | Text.")
    if moment["echo"]:
        slug = f"on-{moment['echo'].partition('/')[2]}"
        return {"slug": slug, "at": _hours(moment), "echoes": moment["echo"], "via": "title", "text": parts[1]}
    table = {"slug": moment["slug"] or slug_of(parts[1]), "at": _hours(moment), "title": parts[1], "text": parts[2]}
    return {**table, "page_text": parts[3]} if len(parts) == 4 else table


def _paper(where: str, parts: list[str]) -> dict[str, Any]:
    moment = _LINE.fullmatch(parts[0])
    if moment is None or len(parts) != 5:
        raise ValueError(f"{where}: write DAY HH:MM | categories | authors | title | abstract")
    _, categories, authors, title, text = parts
    return {
        "at": _hours(moment),
        "categories": categories.split(),
        "authors": authors.split(", "),
        "title": title,
        "text": text,
    }


def slug_of(title: str) -> str:
    """Return the address of a story that names none: the first words of its title."""
    return "-".join(re.findall(r"\w+", title.casefold())[:_SLUG_WORDS])


def _hours(moment: re.Match[str]) -> float:
    return int(moment["day"]) * 24 + int(moment["hour"]) + int(moment["minute"]) / 60

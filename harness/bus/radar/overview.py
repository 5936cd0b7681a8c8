"""The overview of the Tech Radar, between two marks of its README.md: all else in that file is the person's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from urllib.parse import quote

from harness.bus.files.mirror_pages import as_words
from harness.bus.radar.folder import Radar
from harness.domain.radar import IN_WORDS, Move, Ring, Technology

BEGIN, END = "<!-- radar: written by the harness from the pages, down to the next mark -->", "<!-- end of radar -->"

_RINGS: Sequence[Ring] = ("adopt", "trial", "assess", "hold", "discovered")
_MARKED = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
_WEEK = timedelta(days=7)


def with_overview(text: str, radar: Radar, today: date) -> str:
    """Return the file with its overview anew: between the marks, or at its end where it has none."""
    block = f"{BEGIN}\n{_overview(radar, today)}{END}"
    if _MARKED.search(text):
        return _MARKED.sub(lambda _: block, text, count=1)
    before = text or "# Tech Radar\n"
    return f"{before}{'' if before.endswith(chr(10)) else chr(10)}\n{block}\n"


def _overview(radar: Radar, today: date) -> str:
    lines = [*_rings(radar.technologies), *_moved(radar.technologies, today), *_broken(radar)]
    return "\n".join(lines) + "\n"


def _rings(technologies: Sequence[Technology]) -> Iterator[str]:
    if not technologies:
        yield "\nNothing is on the radar yet."
        return
    yield "\n| ring | technology | quadrant | since | asked for |\n|---|---|---|---|---|"
    for ring in _RINGS:
        for one in sorted((one for one in technologies if one.ring == ring), key=lambda one: one.name.casefold()):
            since = one.decided_at or next((move.day for move in one.moves), None)
            asked = f"[{one.request}](../job-status/{quote(one.request)}.json)" if one.request else ""
            cells = (_ring(one), _link(one), one.quadrant, since.isoformat() if since else "", asked)
            yield f"| {' | '.join(cells)} |"


def _ring(technology: Technology) -> str:
    return "discovered, evaluated" if technology.stage == "evaluated" else technology.ring


def _moved(technologies: Sequence[Technology], today: date) -> Iterator[str]:
    """Yield what happened in the week up to today, the newest first."""
    moves = [(one, move) for one in technologies for move in one.moves if today - _WEEK < move.day <= today]
    yield f"\n## Moved in the 7 days up to {today.isoformat()}\n"
    for one, move in sorted(moves, key=lambda pair: (-pair[1].day.toordinal(), pair[0].name.casefold())):
        yield f"- {move.day.isoformat()} {_link(one)}: {_said(move)}"
    if not moves:
        yield "Nothing."


def _said(move: Move) -> str:
    words = f" ({IN_WORDS[move.what]})" if move.what in IN_WORDS else ""
    return f"**{as_words(move.what)}**{words}. {as_words(move.reason)}"


def _link(technology: Technology) -> str:
    return f"[{as_words(' '.join(technology.name.split()))}]({quote(technology.slug)}.md)"


def _broken(radar: Radar) -> Iterator[str]:
    if radar.problems:
        yield "\n## Pages that cannot be read\n"
        yield from (f"- `{problem}`" for problem in radar.problems)

"""A digest as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from harness.delivery.chart_text import chart_line
from harness.delivery.commonmark import escape, escape_with_addresses, guard_heading, guard_lines, indent, link_target
from harness.domain.digest import Digest, DigestItem, Need, Section
from harness.domain.sizes import counted

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_BLOCK_START = re.compile(r"```|[>#|]|[-*+](?:\s|$)|___$|\d{1,9}[.)](?:\s|$)")


def render_markdown(digest: Digest) -> str:
    """Return the digest as CommonMark: notice, what needs the person, what is missing, charts as lines of text, then
    every section whole, then how it was made.

    Items are numbered through; the text of the sections is taken as it is (it was made safe when it
    was read), every other value is escaped.
    """
    return _joined(_blocks(digest))


def render_below_title(digest: Digest) -> str:
    """Return the digest as `render_markdown` does, without its title: for messages that have one of their own."""
    _, *below = _blocks(digest)
    return _joined(below)


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def local_day(moment: datetime, zone: str) -> str:
    """Return the day as people in the zone write it: `Saturday, 21 November 2026`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{_WEEKDAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year}"


def local_time(moment: datetime, zone: str) -> str:
    """Return the time of day with the zone's own abbreviation: `07:40 PST`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M} {local.tzname()}"


def local_stamp(moment: datetime, zone: str) -> str:
    """Return day and time, short: `21 Nov 05:10`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local.day} {_MONTHS[local.month - 1][:3]} {local:%H:%M}"


def summary_of(digest: Digest) -> tuple[tuple[int, str], ...]:
    """Return the digest in numbers: items, sources, single-source items, gaps, each with its noun.

    A message without items is not counted in them: only its gaps are, if it has any.
    """
    gaps = (len(digest.gaps), "gap" if len(digest.gaps) == 1 else "gaps")
    if not digest.items:
        return (gaps,) if digest.gaps else ()
    sources = {source for item in digest.items for source in item.sources}
    single = sum(item.is_single_source for item in digest.items)
    return (
        (len(digest.items), "item" if len(digest.items) == 1 else "items"),
        (len(sources), "source" if len(sources) == 1 else "sources"),
        (single, "single-source"),
        gaps,
    )


def heading_line(title: str, level: int) -> str:
    """Return a section's heading; `title` is one line of Markdown."""
    return f"{'#' * level} {guard_heading(title)}"


def item_entry(title: str, url: str, why: str, priority: str | None) -> str:
    """Return an item in the form in which models write it, without the list's marker."""
    entry = f"[{escape(title)}]({link_target(url)})"
    first, *below = why.split("\n\n")
    if _BLOCK_START.match(first):  # it cannot stand on the title's line
        first, below = "", [first, *below]
    if first:
        entry += f" — {first}"
    if priority:
        entry += f" {priority}"
    return "\n\n".join([entry, *below])


def _blocks(digest: Digest) -> Iterator[str]:
    zone = digest.zone
    yield f"# {guard_heading(escape(digest.title))}"
    if digest.notice:
        yield f"> **{escape_with_addresses(digest.notice.strip())}**"
    yield f"{local_day(digest.made_at, zone)}, {local_time(digest.made_at, zone)} · {escape(digest.job_id)}"
    numbers = [f"{count} {noun}" for count, noun in summary_of(digest)]
    yield " · ".join([*numbers, *(["**degraded**"] if digest.state == "degraded" else [])])
    if digest.needs:
        entries = "\n".join(_need_entry(need, digest) for need in digest.needs)
        yield f"**What needs you ({len(digest.needs)})**\n\n{entries}"
    if digest.gaps:
        named = "\n".join(f"> - {escape_with_addresses(gap)}" for gap in digest.gaps)
        yield f"> **What is missing ({counted(len(digest.gaps), 'gap')})**\n>\n{named}"
    yield _chart_lines(digest, "line")
    rank = 1
    for section in digest.sections:
        yield from _section_blocks(section, rank, zone)
        rank += len(section.items)
    if not any(section.items or section.prose or section.after for section in digest.sections):
        yield "Nothing to report."
    yield "\n".join(f"- *{escape_with_addresses(sentence)}*" for sentence in digest.left_out)
    yield "___"
    yield _chart_lines(digest, "bars")
    if digest.accounted:
        yield f"Today until {local_time(digest.made_at, zone)}: {escape_with_addresses(digest.accounted)}"
    yield (
        f"Made by {escape(digest.made_by)} · {escape(digest.job_id)} · run {escape(digest.run_id)} · "
        f"times in {escape(zone)}"
    )


def _chart_lines(digest: Digest, kind: str) -> str:
    """What the world did stands above the words, what the team did below them."""
    return "\n".join(f"- {chart_line(chart)}" for chart in digest.charts if chart.kind == kind)


def need_about(need: Need, zone: str) -> str:
    """Return why it waits or from whom, and until when, in plain words."""
    due = f"due {local_stamp(need.due_at, zone)}" if need.due_at is not None else ""
    return ", ".join(filter(None, (need.detail, due)))


def _need_entry(need: Need, digest: Digest) -> str:
    words = guard_lines(escape_with_addresses(need.text))
    about = need_about(need, digest.zone)
    if about:
        words += f" ({escape_with_addresses(about)})"
    return f"- {words}" + (f": `{need.command.replace('`', '')}`" if need.command else "")


def _section_blocks(section: Section, rank: int, zone: str) -> Iterator[str]:
    if section.title:
        # One step down: the digest's own title is the only first-level heading.
        yield heading_line(section.title, max(2, section.level))
    if section.origin:
        yield f"from {escape(section.origin)}"
    yield section.prose
    entries = [_numbered(item, number, zone) for number, item in enumerate(section.items, start=rank)]
    yield "\n\n".join(entries)
    yield section.after


def _numbered(item: DigestItem, number: int, zone: str) -> str:
    marker = f"{number}. "
    body = item_entry(item.title, item.url, item.why, item.priority)
    about = _about(item, zone)
    return marker + indent(f"{body}\n\n{about}" if about else body, " " * len(marker))


def _about(item: DigestItem, zone: str) -> str:
    parts = [escape_with_addresses(source) for source in item.sources]
    if item.is_single_source:
        parts.append("**single-source**")
    if item.published_at is not None:
        parts.append(f"published {local_stamp(item.published_at, zone)}")
    if item.reachable is False:
        parts.append("**link does not answer**")
    return " · ".join(parts)

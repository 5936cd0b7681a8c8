"""A digest as JSON, and as input of another job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.delivery.markdown import render_markdown
from harness.delivery.prose import plain_text_of
from harness.domain.chart import Chart, Mark, Part
from harness.domain.digest import Digest, DigestItem, Need, Section
from harness.domain.figures import Point, Series
from harness.domain.source import Collected, Gap, Item, title_key

FORMAT = 1
_SUMMARY_CHARS = 600


def digest_to_json(digest: Digest) -> dict[str, Any]:
    """Return the digest as a value that survives JSON unchanged; `digest_from_json` gives it back."""
    return {
        "format": FORMAT,
        "title": digest.title,
        "job_id": digest.job_id,
        "run_id": digest.run_id,
        "made_at": digest.made_at.astimezone(UTC).isoformat(),
        "zone": digest.zone,
        "made_by": digest.made_by,
        "state": digest.state,
        "sections": [_section_to_json(section) for section in digest.sections],
        "gaps": list(digest.gaps),
        "notice": digest.notice,
        **_beside(digest),
    }


def digest_from_json(value: Any) -> Digest:
    """Return the digest that `digest_to_json` wrote.

    Raises ValueError for a value that is no digest, or one of another format.
    """
    try:
        if value["format"] != FORMAT:
            raise ValueError(f"a digest of format {value['format']!r}; this version reads format {FORMAT}")
        return _digest_from_json(value)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a digest: {error!r}") from error


def collected_from_digest(digest: Digest, read: str) -> Collected:
    """Return the digest as what the `read` entry of another job yields.

    Items keep the sources that reported them, so that a story stays single-source from job to job;
    gaps are handed on with the name of the job that had them, and stand in no other place. The text is the
    Markdown without them and without what stands there for the person only, and untrusted: it quotes what came from
    outside the team. Lines of series are handed on as series.
    """
    return Collected(
        read=read,
        items=tuple(_collected_item(item, digest) for item in digest.items),
        gaps=tuple(Gap(digest.job_id, gap) for gap in digest.gaps),
        text=render_markdown(_own_words(digest)),
        is_untrusted=True,
        series=tuple(_series(chart) for chart in digest.charts if chart.kind == "line"),
    )


def _series(chart: Chart) -> Series:
    points = tuple(Point(mark.at, mark.total) for mark in chart.marks if mark.at is not None)
    return Series(title_key(chart.title).replace(" ", "-"), chart.title, points, chart.unit, chart.source, chart.url)


def _own_words(digest: Digest) -> Digest:
    return replace(digest, gaps=(), notice="", charts=(), needs=(), accounted="", left_out=())


def _digest_from_json(value: Mapping[str, Any]) -> Digest:
    return Digest(
        title=value["title"],
        job_id=value["job_id"],
        run_id=value["run_id"],
        made_at=datetime.fromisoformat(value["made_at"]),
        zone=value["zone"],
        made_by=value["made_by"],
        state=value["state"],
        sections=tuple(_section_from_json(section) for section in value["sections"]),
        gaps=tuple(value["gaps"]),
        notice=value.get("notice", ""),  # digests written before there were notices lack it
        charts=tuple(_chart_from_json(chart) for chart in value.get("charts", ())),
        needs=tuple(_need_from_json(need) for need in value.get("needs", ())),
        accounted=value.get("accounted", ""),
        left_out=tuple(value.get("left_out", ())),
        is_emergency=value.get("is_emergency", False),
    )


def _beside(digest: Digest) -> dict[str, Any]:
    """What a digest may have beside its sections; what it has not is left out, as older versions wrote it."""
    return {
        **({"charts": [_chart_to_json(chart) for chart in digest.charts]} if digest.charts else {}),
        **({"needs": [_need_to_json(need) for need in digest.needs]} if digest.needs else {}),
        **({"accounted": digest.accounted} if digest.accounted else {}),
        **({"left_out": list(digest.left_out)} if digest.left_out else {}),
        **({"is_emergency": True} if digest.is_emergency else {}),
    }


def _chart_to_json(chart: Chart) -> dict[str, Any]:
    return {
        "kind": chart.kind,
        "title": chart.title,
        "marks": [{"label": mark.label, "values": list(mark.values), "at": _moment(mark.at)} for mark in chart.marks],
        "unit": chart.unit,
        "parts": [{"name": part.name, "tone": part.tone} for part in chart.parts],
        "source": chart.source,
        "url": chart.url,
    }


def _chart_from_json(value: Mapping[str, Any]) -> Chart:
    return Chart(
        kind=value["kind"],
        title=value["title"],
        marks=tuple(Mark(mark["label"], tuple(mark["values"]), _read_moment(mark["at"])) for mark in value["marks"]),
        unit=value["unit"],
        parts=tuple(Part(part["name"], part["tone"]) for part in value["parts"]),
        source=value["source"],
        url=value["url"],
    )


def _need_to_json(need: Need) -> dict[str, Any]:
    words = {"kind": need.kind, "text": need.text, "detail": need.detail, "command": need.command}
    return {**words, "due_at": _moment(need.due_at)}


def _need_from_json(value: Mapping[str, Any]) -> Need:
    return Need(value["kind"], value["text"], value["detail"], value["command"], _read_moment(value["due_at"]))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _read_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _collected_item(item: DigestItem, digest: Digest) -> Item:
    summary = plain_text_of(item.why)
    if len(summary) > _SUMMARY_CHARS:
        summary = summary[: _SUMMARY_CHARS - 1].rpartition(" ")[0] + "…"
    first, *others = item.sources or (digest.job_id,)
    return Item(
        title=item.title,
        url=item.url,
        source=first,
        summary=summary,
        published_at=item.published_at,
        also_in=tuple(others),
        priority=item.priority or "",
    )


def _section_to_json(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "prose": section.prose,
        "items": [_item_to_json(item) for item in section.items],
        "origin": section.origin,
        "after": section.after,
        "level": section.level,
    }


def _section_from_json(value: Mapping[str, Any]) -> Section:
    return Section(
        title=value["title"],
        prose=value["prose"],
        items=tuple(_item_from_json(item) for item in value["items"]),
        origin=value["origin"],
        after=value["after"],
        level=value["level"],
    )


def _item_to_json(item: DigestItem) -> dict[str, Any]:
    return {
        "title": item.title,
        "url": item.url,
        "why": item.why,
        "sources": list(item.sources),
        "published_at": None if item.published_at is None else item.published_at.astimezone(UTC).isoformat(),
        "reachable": item.reachable,
        "priority": item.priority,
    }


def _item_from_json(value: Mapping[str, Any]) -> DigestItem:
    published_at = value["published_at"]
    return DigestItem(
        title=value["title"],
        url=value["url"],
        why=value["why"],
        sources=tuple(value["sources"]),
        published_at=None if published_at is None else datetime.fromisoformat(published_at),
        reachable=value["reachable"],
        priority=value["priority"],
    )

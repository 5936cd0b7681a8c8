"""A model's Markdown as sections and items, each item matched to what was collected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, cast

from markdown_it.tree import SyntaxTreeNode

from harness.delivery.commonmark import (
    escape_with_addresses,
    is_tight,
    plain_text,
    write_blocks,
    write_line,
    write_list,
    write_quote,
)
from harness.delivery.markdown import heading_line, item_entry
from harness.delivery.prose import allow_only, allow_web, link_key, plain_text_of, read_markdown
from harness.domain.contract import Evidence, EvidenceItem
from harness.domain.digest import Digest, DigestItem, Section
from harness.domain.job import Job
from harness.domain.sizes import counted
from harness.domain.source import Item, title_key
from harness.runs.item_lead import ItemLead, Priority, lead_of
from harness.runs.reachability import Reach


@dataclass(frozen=True, slots=True)
class ReportItem:
    """One item as the model wrote it; `collected` is what it was matched to, by canonical URL.

    `url` is the collected item's own link where there is one, else what the model wrote. `why` is
    Markdown. `lines` are the first and last line of the text it stands on, from 1.
    """

    title: str
    url: str
    why: str = ""
    priority: Priority | None = None
    lines: tuple[int, int] = (0, 0)
    collected: Item | None = None

    @property
    def is_collected(self) -> bool:
        return self.collected is not None

    @property
    def sources(self) -> tuple[str, ...]:
        """Everybody who reported it, once each."""
        if self.collected is None:
            return ()
        return tuple(dict.fromkeys((self.collected.source, *self.collected.also_in)))

    @property
    def published_at(self) -> datetime | None:
        return None if self.collected is None else self.collected.published_at


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A heading (one line of Markdown; empty where the section above goes on) and what stands below it."""

    title: str = ""
    level: int = 2
    prose: str = ""
    items: tuple[ReportItem, ...] = ()
    after: str = ""


@dataclass(frozen=True, slots=True)
class StrayLink:
    """A link in running text that was not collected: its text is delivered, the link is not."""

    text: str
    url: str
    line: int


@dataclass(frozen=True, slots=True)
class Report:
    """A model's answer, read. No Markdown in it links anywhere but to what was collected.

    `text` is the answer as it came. `dropped` are the items that `without_uncollected` took out.
    """

    text: str
    sections: tuple[ReportSection, ...] = ()
    strays: tuple[StrayLink, ...] = ()
    dropped: tuple[ReportItem, ...] = ()

    @property
    def items(self) -> tuple[ReportItem, ...]:
        return tuple(item for section in self.sections for item in section.items)

    @property
    def urls(self) -> tuple[str, ...]:
        """The links of the items that may be delivered, once each, in their order: what is to be checked."""
        return tuple(dict.fromkeys(item.url for item in self.items if item.is_collected))


def parse_report(text: str, items: Sequence[Item]) -> Report:
    """Read a model's Markdown.

    An item is a list entry (or a heading with text below) that starts with a link, or that starts with
    a title in bold and ends with a link. All other text is prose and is kept whole, wherever it stands.
    """
    by_key: dict[str, Item] = {}
    for item in items:
        key = link_key(item.url)
        if key is not None:
            by_key.setdefault(key, item)
    tree = read_markdown(text, allow_only([item.url for item in by_key.values()]))
    sections = _sections(tree, lambda url: by_key.get(link_key(url) or ""))
    item_urls = {item.url for section in sections for item in section.items}
    strays = tuple(stray for stray in _stray_links(tree) if stray.url not in item_urls)
    return Report(text, sections, strays)


def without_uncollected(report: Report) -> Report:
    """Return the report without the items whose URL was not collected; they stand in `dropped`."""
    dropped = tuple(item for item in report.items if not item.is_collected)
    sections = _keep_items(report.sections, lambda item: item.is_collected)
    return replace(report, sections=sections, dropped=report.dropped + dropped)


def drop_items(text: str, urls: Collection[str]) -> str:
    """Return the Markdown without the items that link to one of these pages; everything else stays."""
    keys = {link_key(url) for url in urls} - {None}
    sections = _sections(read_markdown(text, allow_web), lambda url: None)
    return _write_sections(
        # A linked heading above nothing but words would be read as an item the next time.
        replace(kept, title=escape_with_addresses(plain_text_of(section.title)))
        if section.items and not kept.items
        else kept
        for section, kept in zip(
            sections, _keep_items(sections, lambda item: link_key(item.url) not in keys), strict=True
        )
    )


def evidence_of(
    report: Report,
    *,
    reachability: Mapping[str, Reach] | None = None,
    seen: Collection[str] = (),
    baskets: Mapping[str, tuple[str, ...]] | None = None,
) -> Evidence:
    """Return the report as the contract's judge sees it.

    `reachability` is keyed by the items' URLs; `seen` holds the canonical URLs that this job delivered
    within the time that its contract names; `baskets` are keyed by canonical URLs as well.
    """
    reached = reachability or {}
    return Evidence(
        text=report.text,
        items=tuple(
            EvidenceItem(
                title=item.title,
                url=item.url,
                is_collected=item.is_collected,
                reachable=reached[item.url].is_reachable if item.url in reached else None,
                is_seen=item.collected is not None and item.collected.key in seen,
                reach_reason=reached[item.url].reason if item.url in reached else "",
                has_priority=item.priority is not None,
                baskets=() if item.collected is None else (baskets or {}).get(item.collected.key, ()),
            )
            for item in report.items
        ),
    )


def to_digest(
    report: Report,
    *,
    job: Job,
    run_id: str,
    made_at: datetime,
    made_by: str,
    state: Literal["delivered", "degraded"],
    gaps: Sequence[str] = (),
    reachability: Mapping[str, Reach] | None = None,
    origins: Mapping[str, str] | None = None,
) -> Digest:
    """Return what is delivered: never an item whose URL was not collected.

    What was taken out on the way is named in the gaps, and a digest with gaps is degraded. `origins` maps
    canonical URLs to the job that delivered them before; a section whose items all come from one job
    carries its name.
    """
    report = without_uncollected(report)
    title = job.title or job.name.replace("-", " ").capitalize()
    all_gaps = tuple(dict.fromkeys((*gaps, *_removals(report))))
    return Digest(
        title=title,
        job_id=job.id,
        run_id=run_id,
        made_at=made_at,
        zone=job.zone,
        made_by=made_by,
        state="degraded" if all_gaps else state,
        sections=tuple(
            _digest_section(section, reachability or {}, origins or {})
            for section in _without_repeated_title(report.sections, title)
        ),
        gaps=all_gaps,
    )


def _removals(report: Report) -> Iterator[str]:
    if report.dropped:
        names = "; ".join(f"“{item.title}” ({item.url})" for item in report.dropped)
        count = len(report.dropped)
        verb = (
            "item was left out because its link was" if count == 1 else "items were left out because their links were"
        )
        yield f"{count} {verb} not collected: {names}"
    dropped = {item.url for item in report.dropped}
    strays = tuple(dict.fromkeys(stray.url for stray in report.strays if stray.url not in dropped))
    if strays:
        links = counted(len(strays), "link")
        yield f"{links} in the text not collected, shown as plain text: {', '.join(strays)}"


def _without_repeated_title(sections: Sequence[ReportSection], title: str) -> Sequence[ReportSection]:
    """The digest's masthead says its title already."""
    if sections and sections[0].level == 1 and title_key(sections[0].title) == title_key(title):
        return (replace(sections[0], title=""), *sections[1:])
    return sections


def _digest_section(section: ReportSection, reached: Mapping[str, Reach], origins: Mapping[str, str]) -> Section:
    jobs = {origins.get(item.collected.key, "") for item in section.items if item.collected is not None}
    return Section(
        title=section.title,
        level=section.level,
        prose=section.prose,
        items=tuple(
            DigestItem(
                title=item.title,
                url=item.url,
                why=item.why,
                sources=item.sources,
                published_at=item.published_at,
                reachable=reached[item.url].is_reachable if item.url in reached else None,
                priority=item.priority,
            )
            for item in section.items
        ),
        after=section.after,
        origin=jobs.pop() if len(jobs) == 1 else "",
    )


def _keep_items(sections: Sequence[ReportSection], is_kept: Callable[[ReportItem], bool]) -> tuple[ReportSection, ...]:
    return tuple(replace(section, items=tuple(item for item in section.items if is_kept(item))) for section in sections)


def _write_sections(sections: Iterable[ReportSection]) -> str:
    blocks: list[str] = []
    for section in sections:
        entries = [item_entry(item.title, item.url, item.why, item.priority) for item in section.items]
        heading = heading_line(section.title, section.level) if section.title else ""
        blocks += [heading, section.prose, write_list(entries), section.after]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _stray_links(tree: SyntaxTreeNode) -> Iterator[StrayLink]:
    for node in tree.walk():
        if node.type != "inline":
            continue
        for child in node.walk():
            if child.type == "link" and not child.meta["is_allowed"]:
                yield StrayLink(
                    plain_text(child.children), str(child.attrs["href"]), node.map[0] + 1 if node.map else 0
                )


# ── Reading the tree ─────────────────────────────────────────────────────────────────────────────
# Blocks become a flat stream of events, in the order of the text: prose (Markdown) and items.

_Event = str | ReportItem
_Match = Callable[[str], Item | None]


def _sections(tree: SyntaxTreeNode, match: _Match) -> tuple[ReportSection, ...]:
    sections: list[ReportSection] = []
    heading: SyntaxTreeNode | None = None
    body: list[SyntaxTreeNode] = []
    for node in [*tree.children, None]:
        if node is not None and not (node.type == "heading" and node.children[0].children):
            body += [node] if node.type != "heading" else []  # a heading without words begins nothing
            continue
        if heading is not None or body:
            _add_part(sections, heading, list(_walk(body, match)), match)
        heading, body = node, []
    return tuple(sections)


def _add_part(
    sections: list[ReportSection], heading: SyntaxTreeNode | None, events: Sequence[_Event], match: _Match
) -> None:
    """Add a heading and what stands below it: a section, or an item where the heading starts with a link."""
    item = _heading_item(heading, events, match) if heading is not None else None
    if item is not None:
        events = item
        heading = None
    if heading is not None or not sections:
        title = write_line(heading.children[0].children) if heading is not None else ""
        sections.append(ReportSection(title, int(heading.tag[1]) if heading is not None else 2))
    for event in events:
        _add_event(sections, event)


def _add_event(sections: list[ReportSection], event: _Event) -> None:
    section = sections[-1]
    if isinstance(event, ReportItem):
        if section.after:
            section = ReportSection(level=section.level)
            sections.append(section)
        sections[-1] = replace(section, items=(*section.items, event))
    elif section.items:
        sections[-1] = replace(section, after=_joined(section.after, event))
    else:
        sections[-1] = replace(section, prose=_joined(section.prose, event))


def _joined(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def _heading_item(heading: SyntaxTreeNode, events: Sequence[_Event], match: _Match) -> Sequence[_Event] | None:
    """Return the events of a heading that is an item with its text below, or None for a section's heading."""
    if not events or any(isinstance(event, ReportItem) for event in events):
        return None
    prose = cast("list[str]", list(events))
    end = prose.index("___") if "___" in prose else len(prose)
    lead = lead_of(heading.children[0])
    if lead is None or end == 0:
        return None
    return [_item(lead, heading, prose[:end], match), *prose[end:]]


def _walk(nodes: Sequence[SyntaxTreeNode], match: _Match) -> Iterator[_Event]:
    for node in nodes:
        if node.type in ("bullet_list", "ordered_list"):
            yield from _walk_list(node, match)
        elif node.type == "blockquote":
            yield from _wrapped(list(_walk(node.children, match)), write_quote)
        else:
            yield write_blocks([node])


def _walk_list(node: SyntaxTreeNode, match: _Match) -> Iterator[_Event]:
    markup, number, tight = node.markup or "-", int(node.attrs.get("start", 1)), is_tight(node)
    plain: list[str] = []
    for entry in node.children:
        events = list(_walk_entry(entry, match))
        if all(isinstance(event, str) for event in events):
            plain.append(write_blocks(entry.children, tight=tight))
            continue
        if plain:
            yield write_list(plain, markup=markup, start=number, tight=tight)
            number, plain = number + len(plain), []
        yield from _wrapped(events, partial(_write_entry, markup=markup, number=number))
        number += 1
    if plain:
        yield write_list(plain, markup=markup, start=number, tight=tight)


def _write_entry(text: str, *, markup: str, number: int) -> str:
    return write_list([text], markup=markup, start=number)


def _walk_entry(entry: SyntaxTreeNode, match: _Match) -> Iterator[_Event]:
    first = entry.children[0] if entry.children else None
    lead = lead_of(first.children[0]) if first is not None and first.type in ("paragraph", "heading") else None
    if lead is None:
        yield from _walk(entry.children, match)
        return
    below = list(_walk(entry.children[1:], match))
    yield _item(lead, entry, [event for event in below if isinstance(event, str)], match)
    yield from (event for event in below if isinstance(event, ReportItem))


def _wrapped(events: Sequence[_Event], wrap: Callable[[str], str]) -> Iterator[_Event]:
    """Put what is prose back into the block that holds it: as a whole where there is no item in it."""
    if events and all(isinstance(event, str) for event in events):
        yield wrap(_joined(*cast("Sequence[str]", events)))
        return
    yield from (wrap(event) if isinstance(event, str) else event for event in events)


def _item(lead: ItemLead, block: SyntaxTreeNode, below: Sequence[str], match: _Match) -> ReportItem:
    collected = match(lead.url)
    return ReportItem(
        title=lead.title or (collected.title if collected is not None else lead.url),
        url=collected.url if collected is not None else lead.url,
        why=_joined(lead.why, *below),
        priority=lead.priority,
        lines=(block.map[0] + 1, block.map[1]) if block.map else (0, 0),
        collected=collected,
    )

"""arxiv/QUERY: the search API's Atom, after info.arxiv.org/help/api/user-manual.html."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.domain.settings import Settings, SourceLimits
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    return Workspace(root, Settings(sources=SourceLimits(arxiv_url=f"{url}/api/query")))


def check(collected: Collected) -> None:
    first, second = collected.items
    assert first.title == "Agents That Keep Ledgers: A Study of Unattended Work"
    assert first.url == "http://arxiv.org/abs/2603.01234v1"
    assert first.summary.startswith("Ilse Varga, Tomas Okonjo, Priya Lindqvist and 1 more. We follow 40 teams")
    assert first.published_at == datetime(2026, 3, 6, 17, 59, 58, tzinfo=UTC)
    assert (second.source, second.title) == ("arXiv", "Small Judges, Large Disagreements")


CASE = FamilyCase(
    family="arxiv",
    read="arxiv/cat:cs.AI",
    workspace=workspace,
    check=check,
    cassettes={"/api/query": Cassette("query.xml", "application/atom+xml; charset=UTF-8")},
    empty=b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>ArXiv Query</title></feed>',
)

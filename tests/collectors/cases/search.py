"""search/WORDS: three services, one answer; after docs.searxng.org, api-dashboard.search.brave.com, docs.tavily.com."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.search import SearchProvider, SearchSettings
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase

JSON = "application/json"


def workspace_for(provider: SearchProvider) -> Callable[[Path, str], Workspace]:
    key_env = None if provider == "searxng" else "SEARCH_KEY"
    return lambda root, url: Workspace(root, Settings(search=SearchSettings(provider, key_env, url)))


def check(collected: Collected) -> None:
    first, second = collected.items
    assert (first.title, first.url) == ("Why a ledger of planned work", "https://ledger.example/why")
    assert first.source == "ledger.example"
    assert first.summary == "A job that ran and found nothing is not a job that did not run."
    assert first.published_at == datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    assert (second.title, second.published_at) == ("Dead letters, a field guide", None)


def case(provider: SearchProvider, path: str, empty: bytes, refusal: str = FamilyCase.refusal) -> FamilyCase:
    return FamilyCase(
        family="search",
        read="search/agent ledger",
        workspace=workspace_for(provider),
        check=check,
        cassettes={path: Cassette(f"{provider}.json", JSON)},
        empty=empty,
        name=f"search-{provider}",
        refusal=refusal,
    )


SEARXNG = case("searxng", "/search", b'{"query": "agent ledger", "results": []}')
BRAVE = case("brave", "/res/v1/web/search", b'{"type": "search", "query": {"original": "agent ledger"}}')
TAVILY = case(
    "tavily",
    "/search",
    b'{"query": "agent ledger", "results": [], "response_time": 0.4}',
    refusal="redirects elsewhere",
)

"""What is particular to each service that searches: how it is asked, and that its key goes nowhere else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.collectors.collect import check_read, collect
from harness.collectors.context import CollectContext, SharedMeans
from harness.collectors.parse import FeedParser
from harness.domain.job import Job
from harness.domain.search import SearchProvider, SearchSettings
from harness.domain.settings import Egress, Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.collectors.conftest import NOW, RememberedSources

DOOR = WebDoor(Egress(loopback=True), SystemResolver())


def search(
    parser: FeedParser, settings: SearchSettings, *, key: str | None = "the-key", words: str = "agent ledger"
) -> Collected:
    context = CollectContext(
        workspace=Workspace(Path("unused"), Settings(search=settings)),
        job=Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC"),
        web=DOOR,
        now=NOW,
        cache=RememberedSources({}),
        parser=parser,
        latest_output=lambda job_id: None,
        shared=SharedMeans(secret={"SEARCH_KEY": key}.get, outlet=DOOR),
    )
    return asyncio.run(collect(f"search/{words}", context))


def problems(collected: Collected) -> list[str]:
    return [f"{gap.source}: {gap.problem}" for gap in collected.gaps]


def test_without_a_service_the_gap_says_how_to_set_one(parser: FeedParser) -> None:
    (problem,) = problems(search(parser, SearchSettings()))

    assert problem.startswith("search/agent ledger: no service that searches is set; write [search] with provider")


@pytest.mark.parametrize(("provider", "name"), [("tavily", "Tavily"), ("brave", "Brave Search")])
def test_a_key_that_is_not_in_the_environment_is_named(
    parser: FeedParser, server: WebServer, provider: SearchProvider, name: str
) -> None:
    found = search(parser, SearchSettings(provider, "SEARCH_KEY", server.url("").rstrip("/")), key=None)

    assert problems(found) == [f"{name}: the key of {name} is missing: set SEARCH_KEY in the environment"]
    assert server.requests == ()


def test_tavily_is_asked_in_a_body_with_the_key_as_a_bearer(parser: FeedParser) -> None:
    received: list[WebRequest] = []

    def answer(request: WebRequest) -> WebReply:
        received.append(request)
        return WebReply(b'{"results": []}', content_type="application/json")

    with WebServer(answer) as server:
        search(parser, SearchSettings("tavily", "SEARCH_KEY", server.url("").rstrip("/")))

    (request,) = received
    assert (request.method, request.path) == ("POST", "/search")
    assert request.headers["authorization"] == "Bearer the-key"
    assert json.loads(request.body) == {"query": "agent ledger", "max_results": 20, "search_depth": "basic"}


def test_brave_is_asked_with_the_key_in_its_header_and_searxng_without_one(
    parser: FeedParser, server: WebServer
) -> None:
    base = server.url("").rstrip("/")
    search(parser, SearchSettings("brave", "SEARCH_KEY", base))
    search(parser, SearchSettings("searxng", None, base))
    brave, searxng = server.requests

    assert brave.headers["x-subscription-token"] == "the-key"
    assert parse_qs(urlsplit(brave.path).query) == {"q": ["agent ledger"], "count": ["20"]}
    assert "the-key" not in str(searxng)
    assert parse_qs(urlsplit(searxng.path).query) == {"q": ["agent ledger"], "format": ["json"]}


def test_a_key_is_not_carried_along_to_another_host(parser: FeedParser, server: WebServer) -> None:
    with WebServer() as elsewhere:
        path = "/res/v1/web/search?q=agent+ledger&count=20"
        server.redirect(path, elsewhere.url("/taken"))
        search(parser, SearchSettings("brave", "SEARCH_KEY", server.url("").rstrip("/")))

        assert [request.path for request in elsewhere.requests] == ["/taken"]
        assert "the-key" not in str(elsewhere.requests)


def test_searxng_that_does_not_speak_json_is_told_apart(parser: FeedParser, server: WebServer) -> None:
    server.serve("/search?q=agent+ledger&format=json", WebReply(b"Forbidden", status=403))

    (problem,) = problems(search(parser, SearchSettings("searxng", None, server.url("").rstrip("/"))))

    assert problem.endswith("its settings.yml must list json under search.formats")


@pytest.mark.parametrize("entry", ["search/", "search/  ", "search/" + "x" * 401, "search"])
def test_a_search_without_words_or_with_too_many_is_named(entry: str) -> None:
    assert check_read(entry) is not None


@pytest.mark.parametrize("provider", ["tavily", "brave"])
def test_a_key_that_no_header_can_carry_is_told_to_nobody(
    parser: FeedParser, server: WebServer, provider: SearchProvider
) -> None:
    settings = SearchSettings(provider, "SEARCH_KEY", server.url("").rstrip("/"))
    for key in ("the-\nkey-of-the-person", "the-kéy-of-the-person"):
        (problem,) = problems(search(parser, settings, key=key))
        assert "holds a line break or another character" in problem and "of-the-person" not in problem
    search(parser, settings, key="the-key\n")

    (request,) = server.requests
    assert "the-key" in str(request.headers)

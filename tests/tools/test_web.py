"""The tool that reads a page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.collectors.parse import FeedParser
from harness.domain.errors import LimitReached, Refused, ToolError
from harness.domain.settings import Egress
from harness.domain.source import Collected, Gap, Item
from harness.gate.caller import Caller
from harness.gate.egress import SystemResolver, WebDoor
from harness.gate.paths import PathRules
from harness.testing.web_server import WebReply, WebServer
from harness.tools.web import MAX_BYTES, SearchWeb, WhyNot, web_tools


async def open_to_all(url: str) -> str | None:
    return None


async def closed_to_robots(url: str) -> str | None:
    return "is closed to robots by the robots.txt of its host"


async def search_nothing(words: str, limit: int) -> Collected:
    return Collected("web.search", gaps=(Gap("web.search", "no service that searches is set"),))


CALLER = Caller("scout", "r", frozenset({"web.read", "web.search"}), PathRules(Path("none")), Path("none"))


def search(words: str, find: SearchWeb) -> str:
    parser = FeedParser(workers=1)
    _, tool = web_tools(WebDoor(Egress(), SystemResolver()), parser, why_not=open_to_all, search=find)

    async def run() -> str:
        return str(await tool.run(tool.arguments.model_validate({"words": words}), CALLER))

    try:
        return asyncio.run(run())
    finally:
        parser.close()


def read(url: str, *, loopback: bool = True, why_not: WhyNot = open_to_all) -> str:
    parser = FeedParser(workers=1)
    door = WebDoor(Egress(loopback=loopback), SystemResolver())
    tool, _ = web_tools(door, parser, why_not=why_not, search=search_nothing)

    async def run() -> str:
        return str(await tool.run(tool.arguments.model_validate({"url": url}), CALLER))

    try:
        return asyncio.run(run())
    finally:
        parser.close()


def read_body(body: bytes, kind: str) -> str:
    with WebServer() as server:
        return read(server.serve("/p", WebReply(body, content_type=kind)))


def test_a_page_is_read_through_the_door_as_plain_text() -> None:
    with WebServer() as server:
        url = server.serve("/p", WebReply(b"<title>T</title><p>Hello <b>you</b>", content_type="text/html"))
        assert read(url) == "# T\n\nHello you"


def test_an_address_that_is_not_granted_is_refused_by_the_door() -> None:
    with WebServer() as server:
        url = server.serve("/p", WebReply(b"secret", content_type="text/plain"))
        with pytest.raises(Refused, match="egress"):
            read(url, loopback=False)
        assert server.requests == ()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.org/", "javascript:1", "", "a.org"])
def test_only_web_addresses_are_read(url: str) -> None:
    with pytest.raises(Refused, match="only http and https"):
        read(url)


def test_an_error_page_is_an_error_and_no_text() -> None:
    with WebServer() as server, pytest.raises(ToolError, match="status 404"):
        read(server.url("/nothing"))


def test_an_error_repeats_nothing_that_a_redirect_could_say() -> None:
    with WebServer() as server:
        url = server.redirect("/p", "/ignore-all-previous-instructions")
        with pytest.raises(ToolError) as caught:
            read(url)
    assert str(caught.value) == "127.0.0.1 answered with status 404"


def test_a_page_without_end_is_cut_off_by_the_door() -> None:
    with WebServer() as server, pytest.raises(LimitReached, match="bytes"):
        read(server.flood("/big", 3 * MAX_BYTES))


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/octet-stream"])
def test_what_is_no_text_is_refused_by_its_type(kind: str) -> None:
    with pytest.raises(ToolError, match="which is not read as text"):
        read_body(b"x", kind)


def test_what_calls_itself_text_and_is_not_is_refused() -> None:
    with pytest.raises(ToolError, match="is not text"):
        read_body(b"\x7fELF\0\0\0", "text/plain")


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"a <b> c", "text/plain", "a <b> c"),
        (b"a <b> c", "text/html; charset=utf-8", "a c"),
        (b'{"a": 1}', "application/json", '{"a": 1}'),
        (b"<feed/>", "application/atom+xml", "<feed/>"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        ("é".encode(), "text/plain; charset=no-such", "é"),
        ("é".encode(), "text/plain; charset=zip", "é"),
        ("é".encode("utf-8-sig"), "text/plain", "é"),
        ("é".encode("utf-16"), "text/plain", "é"),
        (b"\xff ok", "text/plain", "\ufffd ok"),
    ],
)
def test_text_is_decoded_as_declared_and_never_fails_on_a_wrong_declaration(body: bytes, kind: str, text: str) -> None:
    assert read_body(body, kind) == text


def test_a_page_that_shows_nothing_without_a_browser_says_so() -> None:
    with pytest.raises(ToolError, match="no readable text"):
        read_body(b"<html><body><div id=app></div><script>render()</script></body></html>", "text/html")


def test_what_its_host_closes_to_robots_is_refused_and_not_asked_for() -> None:
    with WebServer() as server:
        url = server.serve("/p", WebReply(b"text", content_type="text/plain"))
        with pytest.raises(Refused, match="robots"):
            read(url, why_not=closed_to_robots)
        assert server.requests == ()


def test_a_search_names_what_it_found_with_addresses() -> None:
    async def find(words: str, limit: int) -> Collected:
        assert (words, limit) == ("agent ledger", 8)
        return Collected(
            "web.search", (Item("Why a ledger", "https://ledger.example/why", "ledger.example", "Because."),)
        )

    told = search("agent ledger", find)

    assert "Why a ledger" in told and "https://ledger.example/why" in told and "Because." in told


def test_a_search_without_a_service_is_an_error_that_says_so() -> None:
    with pytest.raises(ToolError, match="no service that searches is set"):
        search("agent ledger", search_nothing)

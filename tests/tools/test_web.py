"""The tool that reads a page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.domain.errors import LimitReached, Refused, ToolError
from harness.domain.settings import Egress
from harness.gate.caller import Caller
from harness.gate.egress import SystemResolver, WebDoor
from harness.gate.paths import PathRules
from harness.ports import WebResponse
from harness.testing.web_server import WebReply, WebServer
from harness.tools.web import MAX_BYTES, page_text, web_tools


def read(url: str, *, loopback: bool = True) -> str:
    (tool,) = web_tools(WebDoor(Egress(loopback=loopback), SystemResolver()))
    caller = Caller("scout", "r", frozenset({"web.read"}), PathRules(Path("none")), Path("none"))

    async def run() -> str:
        return await tool.run(tool.arguments.model_validate({"url": url}), caller)

    return asyncio.run(run())


def response(body: bytes, content_type: str | None = None) -> WebResponse:
    headers: Mapping[str, str] = {} if content_type is None else {"content-type": content_type}
    return WebResponse(200, "https://a.org/", body, headers)


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


def test_a_page_without_end_is_cut_off_by_the_door() -> None:
    with WebServer() as server, pytest.raises(LimitReached, match="bytes"):
        read(server.flood("/big", 3 * MAX_BYTES))


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/octet-stream", "text/html/../x y"])
def test_what_is_no_text_is_refused_by_its_type(kind: str) -> None:
    with pytest.raises(ToolError, match="is no text but"):
        page_text(response(b"x", kind))


def test_what_calls_itself_text_and_is_not_is_refused() -> None:
    with pytest.raises(ToolError, match="is no text"):
        page_text(response(b"\x7fELF\0\0\0", "text/plain"))
    with pytest.raises(ToolError, match="is no text"):
        page_text(response(b"\x7fELF\0\0\0"))


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"a <b> c", "text/plain", "a <b> c"),
        (b"a <b> c", "text/html; charset=utf-8", "a c"),
        (b'{"a": 1}', "application/json", '{"a": 1}'),
        (b"<feed/>", "application/atom+xml", "<feed/>"),
        (b" <p>x", None, "x"),
        (b"plain", None, "plain"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("<meta charset=windows-1252><p>€".encode("cp1252"), "text/html", "€"),
        ("é".encode(), "text/plain; charset=no-such", "é"),
        ("é".encode(), "text/plain; charset=zip", "é"),
        ("é".encode("utf-8-sig"), "text/plain", "é"),
        ("é".encode("utf-16"), "text/plain", "é"),
        (b"\xff ok", "text/plain", "\ufffd ok"),
    ],
)
def test_text_is_decoded_as_declared_and_never_fails_on_a_wrong_declaration(
    body: bytes, kind: str | None, text: str
) -> None:
    assert page_text(response(body, kind)) == text


def test_a_page_that_shows_nothing_without_a_browser_says_so() -> None:
    with pytest.raises(ToolError, match="no readable text"):
        page_text(response(b"<div id=app></div><script>render()</script>", "text/html"))

"""Reading a page of the web."""

from __future__ import annotations

import asyncio
import codecs
import re

from harness.domain.errors import Refused, ToolError
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.ports import Web, WebResponse
from harness.tools.page import readable_text

MAX_BYTES = 2_000_000
TIMEOUT_S = 20.0

_TEXT_TYPE = re.compile(r"text/[\w.+-]+|application/(?:[\w.+-]+\+)?(?:json|xml|yaml|toml)")
_HTML_TYPE = re.compile(r"text/html|application/xhtml\+xml")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)


class ReadArguments(Arguments):
    url: str


def web_tools(web: Web) -> tuple[Tool, ...]:
    """Return the tools that read the web through the given door."""

    async def read(arguments: ReadArguments, caller: Caller) -> str:
        if not arguments.url.lower().startswith(("http://", "https://")):
            raise Refused("egress", "only http and https addresses are read")
        response = await web.get(arguments.url, max_bytes=MAX_BYTES, timeout_s=TIMEOUT_S)
        if not 200 <= response.status < 300:
            raise ToolError(f"{response.url} answered with status {response.status}")
        return await asyncio.to_thread(page_text, response)

    traits = Traits(effect="read", is_untrusted=True, timeout_s=TIMEOUT_S + 10)
    return (define_tool("web.read", "Read a web page as plain text.", ReadArguments, read, traits),)


def page_text(response: WebResponse) -> str:
    """Return what the response says as plain text. Raises ToolError if it is no text."""
    content_type = response.headers.get("content-type", "").strip()
    kind = content_type.partition(";")[0].strip().lower()
    if kind and not _TEXT_TYPE.fullmatch(kind) and not _HTML_TYPE.fullmatch(kind):
        raise ToolError(f"{response.url} is no text but {kind}")
    text = _decoded(response.body, content_type)
    if "\0" in text[:1_000]:
        raise ToolError(f"{response.url} is no text")
    is_html = bool(_HTML_TYPE.fullmatch(kind)) if kind else text.lstrip()[:1] == "<"
    readable = readable_text(text) if is_html else text
    if not readable.strip():
        raise ToolError(f"{response.url} has no readable text; it may need a browser to show itself")
    return readable


def _decoded(body: bytes, content_type: str) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    declared = _CHARSET.search(content_type)
    meta = _META_CHARSET.search(body[:2_048])
    name = declared[1] if declared else meta[1].decode("ascii") if meta else "utf-8"
    try:
        # Only text encodings: Python also knows `zip` and `rot13`.
        encoding = name if codecs.lookup(name)._is_text_encoding else "utf-8"
    except LookupError:
        encoding = "utf-8"
    return body.decode(encoding, "replace").removeprefix("\ufeff")

"""Foreign text and addresses as inline Markdown that shows them as they are. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?\w+;)|!(?=\[)")
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f<>\\\ud800-\udfff]")


def escape_text(text: str) -> str:
    """Return one line of text with every character escaped that would be Markdown or HTML."""
    return _MARKS.sub(r"\\\g<0>", text)


def link(title: str, url: str) -> str:
    """Return an inline link; `url` must satisfy is_linkable."""
    return f"[{escape_text(title)}]({_destination(url)})"


def is_linkable(url: str) -> bool:
    """Say whether the address is an absolute http(s) one that can stand in a link as it is."""
    if _NOT_IN_URLS.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _destination(url: str) -> str:
    escaped = re.sub(r"&(?=#?\w+;)", r"\\&", url)
    return escaped if _is_balanced(url) else re.sub(r"[()]", r"\\\g<0>", escaped)


def _is_balanced(url: str) -> bool:
    depth = 0
    for character in url:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0

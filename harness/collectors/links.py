"""Links as sources write them, made into addresses that can be followed. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from harness.domain.source import canonical_url

MAX_URL_CHARS = 2000

_UNSAFE_IN_URL = re.compile(r"""[\s"<>\\^`{|}]|[^\w\s!-~]""")


def usable_link(link: str, base: str) -> str | None:
    """Return the absolute http(s) address that an entry links to, or None if it links to nothing of the kind.

    Characters that no URL may hold are percent-encoded; a link with a user name or password is not usable.
    """
    try:
        absolute = _UNSAFE_IN_URL.sub(lambda match: quote(match.group()), urljoin(base, link.strip()))
        parts = urlsplit(absolute)
        canonical_url(absolute).encode()
    except ValueError:  # UnicodeEncodeError, of a lone surrogate, is one too
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return absolute if len(absolute) <= MAX_URL_CHARS else None

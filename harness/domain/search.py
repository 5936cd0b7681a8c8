"""Searching the web: which service is asked, and with which key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SearchProvider = Literal["tavily", "brave", "searxng"]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """The service that `search/WORDS` and the tool `web.search` ask; without a provider there is none.

    `key_env` names the environment variable that holds its key, `url` is where it answers, empty for its own address.
    """

    provider: SearchProvider | None = None
    key_env: str | None = None
    url: str = ""

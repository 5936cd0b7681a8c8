"""All families of sources that the common suite examines; a further one is one file in `cases/` and one line here."""

from __future__ import annotations

from tests.collectors.cases import (
    arxiv,
    calendar,
    economy,
    feeds,
    github,
    hacker_news,
    market,
    radar,
    requests,
    search,
    todos,
    trends,
    weather,
)

CASES = (
    feeds.CASE,
    arxiv.CASE,
    hacker_news.CASE,
    github.TRENDING,
    github.RELEASES,
    search.SEARXNG,
    search.BRAVE,
    search.TAVILY,
    trends.CASE,
    radar.CASE,
    requests.CASE,
    *market.CASES,
    economy.CASE,
    weather.CASE,
    calendar.CASE,
    todos.CASE,
)

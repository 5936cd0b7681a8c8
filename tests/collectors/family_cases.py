"""All families of sources that the common suite examines; a further one is one file in `cases/` and one line here."""

from __future__ import annotations

from tests.collectors.cases import arxiv, calendar, economy, feeds, market, radar, requests, todos, weather

CASES = (
    feeds.CASE,
    arxiv.CASE,
    radar.CASE,
    requests.CASE,
    *market.CASES,
    economy.CASE,
    weather.CASE,
    calendar.CASE,
    todos.CASE,
)

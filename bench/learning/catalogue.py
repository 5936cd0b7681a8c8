"""All families."""

from __future__ import annotations

from bench.learning.families import calendars, contracts, delivery, feeds, files, market, requests, units, web
from bench.learning.family import Family

FAMILIES: tuple[Family, ...] = (
    *feeds.FAMILIES,
    *web.FAMILIES,
    *files.FAMILIES,
    *market.FAMILIES,
    *calendars.FAMILIES,
    *units.FAMILIES,
    *contracts.FAMILIES,
    *delivery.FAMILIES,
    *requests.FAMILIES,
)

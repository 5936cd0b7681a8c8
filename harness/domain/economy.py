"""Releases of figures and decisions that move markets: what the person wants to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Importance = Literal["low", "medium", "high"]
IMPORTANCES: tuple[Importance, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class EconomicDate:
    """One line of `shared-context/calendars/economy.md`. `at` is aware UTC; `has_time` is False for a whole day."""

    name: str
    country: str
    at: datetime
    zone: str
    importance: Importance = "high"
    has_time: bool = True


@dataclass(frozen=True, slots=True)
class EconomySettings:
    """`[economy]` of harness.toml: whose releases are told, and from which importance on.

    `url` answers with the releases of this week; empty asks nobody, and the person's own dates are all there is.
    """

    countries: tuple[str, ...] = ("US", "EU", "JP", "CN", "UK")
    importance: Importance = "medium"
    url: str = "https://nfs.faireconomy.media/ff_calendar_thisweek.json"

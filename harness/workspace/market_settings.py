"""`[markets]` of harness.toml: who is asked for prices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.domain.market import MarketSettings
from harness.workspace.fields import Address
from harness.workspace.shapes import Shape

_DEFAULTS = MarketSettings()

MarketSource = Literal["yahoo", "stooq", "fred", "frankfurter", "coingecko"]


class MarketUrlsShape(Shape):
    yahoo: Address = _DEFAULTS.urls["yahoo"]
    stooq: Address = _DEFAULTS.urls["stooq"]
    fred: Address = _DEFAULTS.urls["fred"]
    frankfurter: Address = _DEFAULTS.urls["frankfurter"]
    coingecko: Address = _DEFAULTS.urls["coingecko"]


class MarketsShape(Shape):
    sources: Annotated[list[MarketSource], Field(min_length=1)] = Field(default_factory=lambda: [*_all_sources()])
    confirm: bool = _DEFAULTS.confirm
    tolerance: Annotated[float, Field(ge=0, le=100)] = _DEFAULTS.tolerance_percent
    urls: MarketUrlsShape = MarketUrlsShape()


def market_settings_of(shape: MarketsShape) -> MarketSettings:
    """Return whom to ask for prices, in the person's order, each once."""
    return MarketSettings(
        sources=tuple(dict.fromkeys(shape.sources)),
        confirm=shape.confirm,
        tolerance_percent=shape.tolerance,
        urls=shape.urls.model_dump(),
    )


def _all_sources() -> tuple[MarketSource, ...]:
    return ("yahoo", "stooq", "fred", "frankfurter", "coingecko")

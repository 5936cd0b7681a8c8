"""`[economy]` of harness.toml: whose releases are told."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from harness.domain.economy import EconomySettings
from harness.workspace.quantities import BadValue
from harness.workspace.shapes import Shape

_DEFAULTS = EconomySettings()
COUNTRY = re.compile(r"[A-Z]{2}")


def _check_country(value: str) -> str:
    if not COUNTRY.fullmatch(value):
        raise BadValue(f"{value!r} is not a country", "write two capital letters such as US, UK, JP, or EU")
    return value


def _check_address_or_none(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise BadValue(f"{value!r} is not a web address", 'write it with https:// and a host, or "" to ask nobody')
    return value


class EconomyShape(Shape):
    countries: list[Annotated[str, AfterValidator(_check_country)]] = Field(
        default_factory=lambda: [*_DEFAULTS.countries]
    )
    importance: Literal["low", "medium", "high"] = _DEFAULTS.importance
    url: Annotated[str, AfterValidator(_check_address_or_none)] = _DEFAULTS.url


def economy_settings_of(shape: EconomyShape) -> EconomySettings:
    """Return whose releases are told, each country once."""
    return EconomySettings(tuple(dict.fromkeys(shape.countries)), shape.importance, shape.url)

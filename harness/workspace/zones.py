"""IANA time zones, as people write them."""

from __future__ import annotations

import difflib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from harness.workspace.quantities import BadValue
from harness.workspace.report import suggestion


def parse_zone(value: object) -> str:
    """Return the name if it is an IANA zone. Raises BadValue with the closest zone."""
    if not isinstance(value, str):
        raise BadValue(f"{value!r} is not a time zone", 'write an IANA name such as "Europe/Berlin"')
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadValue(f"there is no time zone {value!r}", _closest_zone(value)) from error
    return value


def _closest_zone(value: str) -> str:
    zones = sorted(available_timezones())
    city = value.strip().replace(" ", "_").rpartition("/")[2].casefold()
    same_city = [zone for zone in zones if zone.rpartition("/")[2].casefold() == city]
    if same_city:
        return f"did you mean {same_city[0]!r}?"
    fix = suggestion(value.replace(" ", "_"), zones)
    if fix.startswith("did"):
        return fix
    cities = {zone.rpartition("/")[2].casefold(): zone for zone in reversed(zones)}
    similar = difflib.get_close_matches(city, cities, n=1, cutoff=0.75)
    return f"did you mean {cities[similar[0]]!r}?" if similar else "write an IANA name such as Europe/Berlin"

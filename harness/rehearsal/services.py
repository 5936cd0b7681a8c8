"""The services of the sample world that a person's days are read from, and how a copy of a workspace is led to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import tomlkit

from harness.domain.daily_life import TodoSettings
from harness.rehearsal.days import load_days
from harness.rehearsal.exchange import HOSTS, PATHS, answer_prices, load_exchange
from harness.rehearsal.loopback_server import Answer
from harness.rehearsal.stories import DOMAIN
from harness.workspace.find import SETTINGS_FILE

SKY, AGENDA, DIARY = f"sky.{DOMAIN}", f"agenda.{DOMAIN}", f"diary.{DOMAIN}"
"""The hosts of the weather, of what is released, and of calendars."""

_FORECAST, _WEEK = "/v1/forecast", "/week.json"

Service = Callable[[str, Mapping[str, str], datetime], Answer | None]
"""Answers for a host: given the path, the query and the moment; None for what it has not."""


def daily_services(first_day: date, zone: str) -> Mapping[str, Service]:
    """Return the services by host, for a rehearsal that begins on this day in this zone."""
    exchange, days = load_exchange(first_day), load_days(first_day, zone, f"http://{AGENDA}")
    return {
        **{host: partial(answer_prices, exchange, source) for source, host in HOSTS.items()},
        SKY: lambda path, query, now: days.forecast(query, now) if path == _FORECAST else None,
        AGENDA: lambda path, query, now: days.week(now) if path == _WEEK else days.release_page(path, now),
        DIARY: lambda path, query, now: days.calendar(path[1:-4]) if path.endswith(".ics") else None,
    }


def live_in_sample_days(workspace: Path, first_day: date, zone: str) -> None:
    """Lead a rehearsal's copy to the services of the world, and give it the world's task list.

    A place that is not known stays unknown, and no calendar is added: what the person has not set up is not rehearsed.
    """
    path = workspace / SETTINGS_FILE
    settings: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    urls = {source: f"http://{host}{PATHS.get(source, '')}" for source, host in HOSTS.items()}
    settings.setdefault("markets", tomlkit.table())["urls"] = urls
    settings.setdefault("economy", tomlkit.table())["url"] = f"http://{AGENDA}{_WEEK}"
    settings.setdefault("weather", tomlkit.table())["url"] = f"http://{SKY}{_FORECAST}"
    for name in settings.get("calendars", {}):
        settings["calendars"][name] = f"http://{DIARY}/{name}.ics"
    path.write_text(tomlkit.dumps(settings), encoding="utf-8")
    todos = workspace / settings.get("todos", {}).get("file", TodoSettings().file)
    if todos.is_file():
        todos.write_text(load_days(first_day, zone).todo_list(), encoding="utf-8")

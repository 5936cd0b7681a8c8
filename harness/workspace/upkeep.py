"""The tables of harness.toml about months of running: alerts, the watchdog, retention, backups."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator

from harness.domain.settings import Alerts, Backups, Retention, Watchdog
from harness.workspace.fields import Address, AtLeastOne, Duration, Failures, Text, Texts
from harness.workspace.located import Located
from harness.workspace.quantities import parse_bytes, parse_duration
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

_TEN_YEARS_IN_DAYS = 3660
_ALERTS, _RETENTION = Alerts(), Retention()


def _parse_years(value: object) -> int:
    return parse_duration(value, longest_days=_TEN_YEARS_IN_DAYS)


Years = Annotated[int, PlainValidator(_parse_years)]
"""Seconds, for what may be kept longer than a year."""


class AlertsShape(Shape):
    deliver: Texts = Field(default_factory=list)
    after: AtLeastOne = _ALERTS.after
    cool_down: Duration = _ALERTS.cool_down_s
    disable_after: Failures | None = None


class WatchdogShape(Shape):
    ping_url: Address | None = None
    every: Duration = Watchdog().every_s


class RetentionShape(Shape):
    runs: Years = _RETENTION.runs_s
    artifacts: Years = _RETENTION.artifacts_s
    artifacts_size: Annotated[int, PlainValidator(parse_bytes)] = _RETENTION.artifacts_bytes


class BackupsShape(Shape):
    folder: Text = Backups().folder
    keep: AtLeastOne = Backups().keep


def alerts_of(shape: AlertsShape, channels: frozenset[str], located: Located, report: Report) -> Alerts:
    """Return whom to tell of incidents, and when; `channels` are those that are declared."""
    for position, channel in enumerate(shape.deliver):
        report.check_name(located.line("alerts", "deliver", position), "channel", channel, channels)
    # 0 failures is how `never` is read; a team that does not say has the default.
    disable_after = _ALERTS.disable_after if shape.disable_after is None else shape.disable_after or None
    return Alerts(tuple(dict.fromkeys(shape.deliver)), shape.after, shape.cool_down, disable_after)


def watchdog_of(shape: WatchdogShape) -> Watchdog:
    """Return who is to notice from outside that the daemon is dead."""
    return Watchdog(shape.ping_url, shape.every)


def retention_of(shape: RetentionShape) -> Retention:
    """Return how long things are kept."""
    return Retention(shape.runs, shape.artifacts, shape.artifacts_size)


def backups_of(shape: BackupsShape) -> Backups:
    """Return where backups go."""
    return Backups(shape.folder, shape.keep)

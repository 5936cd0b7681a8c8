"""`harness.toml`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator

from harness.domain.schedule import QuietHours
from harness.domain.settings import Egress, Here, Profile, Settings
from harness.store.address import URL_VARIABLE, BadAddress, parse_address
from harness.workspace.budgets import SheddingShape, shedding_of
from harness.workspace.bus_rules import BusShape, bus_rules_of
from harness.workspace.calendar_settings import calendars_of
from harness.workspace.channels import ChannelShape, channels_of
from harness.workspace.economy_settings import EconomyShape, economy_settings_of
from harness.workspace.fields import Day, DollarsPerDay, Duration, Text, Zone
from harness.workspace.located import Located
from harness.workspace.market_settings import MarketsShape, market_settings_of
from harness.workspace.names import SLUG
from harness.workspace.profiles import BUILT_IN_PROFILE, ProfileShape, read_profiles
from harness.workspace.quantities import BadValue, parse_quiet_hours
from harness.workspace.radar_rules import RadarShape, radar_rules_of
from harness.workspace.report import Report
from harness.workspace.search_settings import SearchShape, search_settings_of
from harness.workspace.shapes import Shape, check_shape
from harness.workspace.source_rules import SourcesShape, source_limits_of
from harness.workspace.todo_settings import TodosShape, todo_settings_of
from harness.workspace.toml_text import read_toml
from harness.workspace.upkeep import (
    AlertsShape,
    BackupsShape,
    RetentionShape,
    WatchdogShape,
    alerts_of,
    backups_of,
    retention_of,
    watchdog_of,
)
from harness.workspace.weather_settings import WeatherShape, weather_settings_of


def _check_network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise BadValue(f"{value!r} is not a network", "write a CIDR block such as 192.168.1.0/24") from error
    return value


def _check_team(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise BadValue(f"{value!r} is not lower-case words with hyphens", 'write it such as "my-team"')
    return value


def _check_database(value: str) -> str:
    try:
        parse_address(value, Path())
    except BadAddress as error:
        raise BadValue(error.problem, error.fix) from error
    return value


class EgressShape(Shape):
    loopback: bool = False
    networks: list[Annotated[str, AfterValidator(_check_network)]] = Field(default_factory=list)
    file_sources: bool = False


class HereShape(Shape):
    zone: Zone
    until: Day | None = None


class SettingsShape(Shape):
    home: Zone | None = None
    here: HereShape | None = None
    user: Text = "you"
    team: Annotated[str, AfterValidator(_check_team)] | None = None
    budget: DollarsPerDay | None = None
    profile: str = BUILT_IN_PROFILE
    quiet_hours: Annotated[QuietHours, PlainValidator(parse_quiet_hours)] | None = None
    max_running: Annotated[int, Field(ge=1, le=64)] = 8
    drain: Duration = Settings().drain_s
    database_url: Annotated[str, AfterValidator(_check_database)] | None = None
    profiles: dict[str, ProfileShape] = Field(default_factory=dict)
    channels: dict[str, ChannelShape] = Field(default_factory=dict)
    egress: EgressShape = EgressShape()
    sources: SourcesShape = SourcesShape()
    search: SearchShape = SearchShape()
    alerts: AlertsShape = AlertsShape()
    watchdog: WatchdogShape = WatchdogShape()
    retention: RetentionShape = RetentionShape()
    backups: BackupsShape = BackupsShape()
    bus: BusShape = BusShape()
    shedding: SheddingShape = SheddingShape()
    radar: RadarShape = RadarShape()
    markets: MarketsShape = MarketsShape()
    economy: EconomyShape = EconomyShape()
    weather: WeatherShape = WeatherShape()
    calendars: dict[str, str] = Field(default_factory=dict)
    todos: TodosShape = TodosShape()


def read_settings(text: str, report: Report) -> tuple[Settings, Located] | None:
    """Return the settings and their raw values, or None if the text is not TOML at all.

    What does not fit is in the report, and its default takes its place; a budget that cannot be read
    becomes zero, so that nothing is spent by mistake.
    """
    located = read_toml(text, report)
    if located is None:
        return None
    shape = check_shape(SettingsShape, located, report)
    if shape is None:
        return None
    if "home" not in located.values:
        report.warning(None, f"home is not set; times are read in {Settings().home_zone}", 'add home = "Europe/Berlin"')
    known = declared_names(located, "profiles")
    profiles = read_profiles(shape.profiles, known, located, report)
    report.check_name(located.line("profile"), "profile", shape.profile, known)
    _check_whose_database(shape, located, report)
    return _settings(shape, profiles, located, report), located


def _settings(shape: SettingsShape, profiles: dict[str, Profile], located: Located, report: Report) -> Settings:
    budget_is_unreadable = shape.budget is None and located.values.get("budget") is not None
    return Settings(
        home_zone=shape.home or Settings().home_zone,
        default_profile=shape.profile if shape.profile in profiles else BUILT_IN_PROFILE,
        budget_usd=0.0 if budget_is_unreadable else shape.budget,
        user_name=shape.user,
        profiles=profiles,
        channels=channels_of(shape.channels, located, report),
        quiet_hours=shape.quiet_hours,
        egress=Egress(shape.egress.loopback, tuple(shape.egress.networks), shape.egress.file_sources),
        sources=source_limits_of(shape.sources, located, report),
        search=search_settings_of(shape.search, located, report),
        max_running=shape.max_running,
        team=shape.team,
        database_url=shape.database_url,
        drain_s=shape.drain,
        here=None if shape.here is None else Here(shape.here.zone, shape.here.until),
        alerts=alerts_of(shape.alerts, declared_names(located, "channels"), located, report),
        watchdog=watchdog_of(shape.watchdog),
        retention=retention_of(shape.retention),
        backups=backups_of(shape.backups),
        bus=bus_rules_of(shape.bus, located, report),
        shedding=shedding_of(shape.shedding, located, report),
        radar=radar_rules_of(shape.radar),
        markets=market_settings_of(shape.markets),
        economy=economy_settings_of(shape.economy),
        weather=weather_settings_of(shape.weather, located, report),
        calendars=calendars_of(shape.calendars, located, report),
        todos=todo_settings_of(shape.todos),
    )


def declared_names(located: Located, table: str) -> frozenset[str]:
    """Return the names that `[profiles.…]` or `[channels.…]` declare, also where what they hold is wrong."""
    built_in = {BUILT_IN_PROFILE} if table == "profiles" else set()
    return frozenset(built_in | _table_names(located, table))


def _table_names(located: Located, table: str) -> set[str]:
    declared = located.values.get(table)
    return set(declared) if isinstance(declared, dict) else set()


def _check_whose_database(shape: SettingsShape, located: Located, report: Report) -> None:
    """Warn of a password in the file, and ask for a name where other teams may use the database as well."""
    if shape.database_url is None:
        return
    line = located.line("database_url")
    if urlsplit(shape.database_url).password:
        problem = "database_url holds a password, and this file may be shared"
        report.warning(line, problem, f"put the whole address into the environment variable {URL_VARIABLE}")
    is_server = not shape.database_url.startswith("sqlite:")
    if is_server and located.values.get("team") is None:
        problem = "several teams may use one PostgreSQL database, and this one has no name"
        report.error(line, problem, 'add team = "my-team"')

"""`harness.toml`."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator

from harness.domain.schedule import QuietHours
from harness.domain.settings import Channel, Egress, Profile, Settings, SourceLimits
from harness.workspace.located import Located
from harness.workspace.quantities import (
    BadValue,
    parse_bytes,
    parse_duration,
    parse_money_per_day,
    parse_quiet_hours,
)
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape
from harness.workspace.toml_text import read_toml
from harness.workspace.zones import parse_zone

BUILT_IN_PROFILE = "extractive"


def _check_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValue(f"{value!r} is not a web address", "write it with https:// and a host")
    return value


def _check_network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise BadValue(f"{value!r} is not a network", "write a CIDR block such as 192.168.1.0/24") from error
    return value


def _check_variable(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", value):
        # Not repeated in the finding: it may be the key itself.
        raise BadValue(
            "this is not the name of an environment variable",
            'put the key in the environment and name the variable, such as "OPENAI_API_KEY"',
        )
    return value


Duration = Annotated[int, PlainValidator(parse_duration)]
DollarsPerDay = Annotated[float, PlainValidator(parse_money_per_day)]
Zone = Annotated[str, PlainValidator(parse_zone)]
Address = Annotated[str, AfterValidator(_check_address)]
NotNegative = Annotated[float, Field(ge=0)]


class ProfileShape(Shape):
    adapter: Literal["extractive", "openai"]
    model: str = ""
    base_url: Address | None = None
    key_env: Annotated[str, AfterValidator(_check_variable)] | None = None
    input_usd_per_mtok: NotNegative = 0.0
    cached_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative = 0.0
    context_window: Annotated[int, Field(ge=1000)] = 128_000
    max_output_tokens: Annotated[int, Field(ge=1)] = 4096
    timeout: Duration = 120
    attempts: Annotated[int, Field(ge=1, le=20)] = 4


class ChannelShape(Shape):
    kind: Literal["file", "stdout"]
    folder: Annotated[str, Field(min_length=1)] = "digests"


class EgressShape(Shape):
    loopback: bool = False
    networks: list[Annotated[str, AfterValidator(_check_network)]] = Field(default_factory=list)
    file_sources: bool = False


class SourcesShape(Shape):
    timeout: Duration = 20
    max_bytes: Annotated[int, PlainValidator(parse_bytes)] = 5_000_000
    max_items: Annotated[int, Field(ge=1)] = 60
    concurrency: Annotated[int, Field(ge=1, le=100)] = 12
    arxiv_url: Address = "https://export.arxiv.org/api/query"


class SettingsShape(Shape):
    home: Zone | None = None
    user: Annotated[str, Field(min_length=1)] = "you"
    budget: DollarsPerDay | None = None
    profile: str = BUILT_IN_PROFILE
    quiet_hours: Annotated[QuietHours, PlainValidator(parse_quiet_hours)] | None = None
    max_running: Annotated[int, Field(ge=1, le=64)] = 8
    profiles: dict[str, ProfileShape] = Field(default_factory=dict)
    channels: dict[str, ChannelShape] = Field(default_factory=dict)
    egress: EgressShape = EgressShape()
    sources: SourcesShape = SourcesShape()


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
    profiles = {BUILT_IN_PROFILE: Profile(BUILT_IN_PROFILE, "extractive")}
    for name, profile in shape.profiles.items():
        _check_profile(name, profile, located, report)
        profiles[name] = _profile(name, profile)
    known = {*profiles, *_table_names(located, "profiles")}
    report.check_name(located.line("profile"), "profile", shape.profile, known)
    budget_is_unreadable = shape.budget is None and located.values.get("budget") is not None
    settings = Settings(
        home_zone=shape.home or Settings().home_zone,
        default_profile=shape.profile if shape.profile in profiles else BUILT_IN_PROFILE,
        budget_usd=0.0 if budget_is_unreadable else shape.budget,
        user_name=shape.user,
        profiles=profiles,
        channels={name: Channel(name, channel.kind, channel.folder) for name, channel in shape.channels.items()},
        quiet_hours=shape.quiet_hours,
        egress=Egress(shape.egress.loopback, tuple(shape.egress.networks), shape.egress.file_sources),
        sources=SourceLimits(
            timeout_s=shape.sources.timeout,
            max_bytes=shape.sources.max_bytes,
            max_items_per_source=shape.sources.max_items,
            concurrency=shape.sources.concurrency,
            arxiv_url=shape.sources.arxiv_url,
        ),
        max_running=shape.max_running,
    )
    return settings, located


def declared_names(located: Located, table: str) -> frozenset[str]:
    """Return the names that `[profiles.…]` or `[channels.…]` declare, also where what they hold is wrong."""
    built_in = {BUILT_IN_PROFILE} if table == "profiles" else set()
    return frozenset(built_in | _table_names(located, table))


def _table_names(located: Located, table: str) -> set[str]:
    declared = located.values.get(table)
    return set(declared) if isinstance(declared, dict) else set()


def _check_profile(name: str, shape: ProfileShape, located: Located, report: Report) -> None:
    if shape.adapter != "openai":
        return
    for key, example in (("base_url", "https://api.openai.com/v1"), ("model", "gpt-5-mini")):
        # A value that is there but wrong has its own finding.
        if not getattr(shape, key) and not located.values["profiles"][name].get(key):
            report.error(located.line("profiles", name), f"profile {name!r} has no {key}", f'add {key} = "{example}"')


def _profile(name: str, shape: ProfileShape) -> Profile:
    return Profile(
        name=name,
        adapter=shape.adapter,
        model=shape.model,
        base_url=shape.base_url or "",
        key_env=shape.key_env,
        input_usd_per_mtok=shape.input_usd_per_mtok,
        cached_usd_per_mtok=shape.cached_usd_per_mtok,
        output_usd_per_mtok=shape.output_usd_per_mtok,
        context_window=shape.context_window,
        max_output_tokens=shape.max_output_tokens,
        timeout_s=float(shape.timeout),
        attempts=shape.attempts,
    )

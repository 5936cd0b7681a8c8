"""`harness.toml`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from harness.domain.channel import Channel as Channel
from harness.domain.daily_life import PersonalCalendar, TodoSettings, WeatherSettings
from harness.domain.economy import EconomySettings
from harness.domain.market import MarketSettings
from harness.domain.radar import RadarRules
from harness.domain.schedule import QuietHours
from harness.domain.search import SearchSettings

Adapter = Literal["extractive", "openai", "anthropic", "litellm", "scripted"]


EXTRACTIVE = "extractive"
"""The profile that every workspace has: no model, no key, no cost."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named model. Prices are US dollars per million tokens; `key_env` names the environment variable
    that holds the key (the key itself never stands in a file).

    `parameters` are sent with every call as they stand (temperature, reasoning effort, …). `fallbacks` are the
    profiles that are asked, in this order, while this one cannot answer; for `cool_down_s` seconds it is then not
    asked again. `budget_usd` and `budget_tokens` are for a day, `run_budget_*` for one run; None means no limit.
    `script` is the file of answers of the scripted adapter, relative to the workspace.
    """

    name: str
    adapter: Adapter
    model: str = ""
    base_url: str = ""
    key_env: str | None = None
    input_usd_per_mtok: float = 0.0
    cached_usd_per_mtok: float | None = None
    output_usd_per_mtok: float = 0.0
    context_window: int = 128_000
    max_output_tokens: int = 4096
    timeout_s: float = 120.0
    attempts: int = 4
    cache_write_usd_per_mtok: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()
    cool_down_s: float = 60.0
    budget_usd: float | None = None
    budget_tokens: int | None = None
    run_budget_usd: float | None = None
    run_budget_tokens: int | None = None
    script: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether its tokens have a price."""
        prices = (self.input_usd_per_mtok, self.cached_usd_per_mtok, self.cache_write_usd_per_mtok)
        return any((*prices, self.output_usd_per_mtok))


@dataclass(frozen=True, slots=True)
class Egress:
    """What the network door lets through beyond public addresses: `loopback`, and CIDR `networks`.
    `file_sources` allows job inputs outside the workspace to be read as files."""

    loopback: bool = False
    networks: tuple[str, ...] = ()
    file_sources: bool = False


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How collectors treat the outside: seconds, bytes, items per source.

    At most `concurrency` sources of a list are read at the same time, `per_host` of them at one host, whose requests
    begin `host_pause_s` apart (`arxiv_pause_s` those to arXiv, one at a time). `robots`: feeds and pages that the
    person names are left alone where the host's robots.txt asks for it. The addresses are where each service answers.
    """

    timeout_s: float = 20.0
    max_bytes: int = 5_000_000
    max_items_per_source: int = 60
    concurrency: int = 24
    per_host: int = 2
    host_pause_s: float = 0.5
    robots: bool = True
    arxiv_url: str = "https://export.arxiv.org/api/query"
    arxiv_pause_s: float = 3.0
    hn_url: str = "https://hn.algolia.com/api/v1"
    github_url: str = "https://github.com"


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who is told of incidents, and when.

    `channels` empty means every channel that jobs deliver to may be used: the first one is. An incident is
    told once it has occurred `after` times, again at most once in `cool_down_s` seconds while it goes on,
    and once more when it is over. A job that failed `disable_after` times in a row is paused by the
    harness; None means never.
    """

    channels: tuple[str, ...] = ()
    after: int = 1
    cool_down_s: int = 6 * 3600
    disable_after: int | None = 10


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Whoever notices from outside that the daemon is dead: `ping_url` is fetched every `every_s` seconds."""

    ping_url: str | None = None
    every_s: int = 60


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what runs leave behind is kept; the ledger and the usage stay for ever.

    `runs_s`: recorded steps and transcripts, so that a run can be shown, forked and replayed. `artifacts_s`:
    what runs made. Above `artifacts_bytes` the oldest artifacts go first. Seconds and bytes.
    """

    runs_s: int = 90 * 86_400
    artifacts_s: int = 180 * 86_400
    artifacts_bytes: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Backups:
    """Where backups go (below the state folder unless absolute) and how many of them are kept."""

    folder: str = "backups"
    keep: int = 14


@dataclass(frozen=True, slots=True)
class BusRules:
    """What keeps requests between agents from running away.

    `max_depth`: requests that may stand above one another. `max_asks`: requests of one run. `max_open`: how many a
    receiver is given at a time, those not counted in which it waits for others; a further one waits (`queue`) or is
    refused at once (`refuse`), and at most `max_waiting` wait. `per_hour`: requests of one sender to one receiver.
    `max_chars`: what a request may say; what is longer goes to a file. `due_s`: by when it is due if it does not
    say. `max_deliveries`: how often a delivery is tried that fails.
    """

    max_depth: int = 4
    max_asks: int = 8
    max_open: int = 20
    max_waiting: int = 20_000
    when_full: Literal["queue", "refuse"] = "queue"
    per_hour: int = 60
    max_chars: int = 12_000
    due_s: int = 3600
    max_deliveries: int = 5


@dataclass(frozen=True, slots=True)
class Shedding:
    """From which share of a day's budget on jobs do without a language model, by their priority.

    Those of high priority keep theirs until all of it is spent.
    """

    low_at: float = 0.8
    normal_at: float = 0.95


@dataclass(frozen=True, slots=True)
class Here:
    """Where the person is: jobs with `tz: local` follow. `until` is the last local day of it."""

    zone: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `harness.toml`; `budget_usd` is the whole team's day.

    `team` names who a database belongs to. `database_url` is None for the file in the state folder.
    `drain_s` is how long a daemon that is told to stop lets runs in flight go on.
    """

    home_zone: str = "America/Los_Angeles"
    default_profile: str = "extractive"
    budget_usd: float | None = None
    user_name: str = "you"
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    egress: Egress = field(default_factory=Egress)
    sources: SourceLimits = field(default_factory=SourceLimits)
    search: SearchSettings = field(default_factory=SearchSettings)
    max_running: int = 8
    team: str | None = None
    database_url: str | None = None
    drain_s: int = 20
    here: Here | None = None
    alerts: Alerts = field(default_factory=Alerts)
    watchdog: Watchdog = field(default_factory=Watchdog)
    retention: Retention = field(default_factory=Retention)
    backups: Backups = field(default_factory=Backups)
    bus: BusRules = field(default_factory=BusRules)
    shedding: Shedding = field(default_factory=Shedding)
    radar: RadarRules = field(default_factory=RadarRules)
    markets: MarketSettings = field(default_factory=MarketSettings)
    economy: EconomySettings = field(default_factory=EconomySettings)
    weather: WeatherSettings = field(default_factory=WeatherSettings)
    calendars: tuple[PersonalCalendar, ...] = ()
    todos: TodoSettings = field(default_factory=TodoSettings)

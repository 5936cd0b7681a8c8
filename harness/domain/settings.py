"""`harness.toml`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Profile:
    """A named model. Prices are US dollars per million tokens; `key_env` names the environment variable
    that holds the key (the key itself never stands in a file)."""

    name: str
    adapter: Literal["extractive", "openai"]
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


@dataclass(frozen=True, slots=True)
class Channel:
    """Where digests go: `file` writes below `folder` (in the state folder unless absolute), `stdout` prints."""

    name: str
    kind: Literal["file", "stdout"]
    folder: str = "digests"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times of day, in minutes after midnight; `start` may be later than `end` (over midnight)."""

    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class Egress:
    """What the network door lets through beyond public addresses: `loopback`, and CIDR `networks`.
    `file_sources` allows job inputs outside the workspace to be read as files."""

    loopback: bool = False
    networks: tuple[str, ...] = ()
    file_sources: bool = False


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How collectors treat the outside: seconds, bytes, items per source."""

    timeout_s: float = 20.0
    max_bytes: int = 5_000_000
    max_items_per_source: int = 60
    concurrency: int = 12
    arxiv_url: str = "https://export.arxiv.org/api/query"


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `harness.toml`; `budget_usd` is the whole team's day."""

    home_zone: str = "America/Los_Angeles"
    default_profile: str = "extractive"
    budget_usd: float | None = None
    user_name: str = "you"
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    egress: Egress = field(default_factory=Egress)
    sources: SourceLimits = field(default_factory=SourceLimits)
    max_running: int = 8

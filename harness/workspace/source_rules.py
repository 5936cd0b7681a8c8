"""`[sources]` of harness.toml: how collectors treat the outside."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator

from harness.domain.settings import SourceLimits
from harness.workspace.fields import Address, AtLeastOne, Duration
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue, parse_bytes
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

_LIMITS = SourceLimits()
_PAUSE = re.compile(r"(\d{1,6})\s*(ms|s)")
_LONGEST_PAUSE_S = 60
_ARXIV = "export.arxiv.org"
_ARXIV_PAUSE_S = 3.0


def _parse_pause(value: object) -> float:
    match = _PAUSE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue(f"{value!r} is not a pause", 'write a whole number with ms or s, such as "500ms"')
    pause_s = int(match[1]) / (1000 if match[2] == "ms" else 1)
    if pause_s > _LONGEST_PAUSE_S:
        raise BadValue(f"{value!r} is out of range", f"use 0s to {_LONGEST_PAUSE_S}s")
    return pause_s


Pause = Annotated[float, PlainValidator(_parse_pause)]
"""Seconds, and parts of them."""


class SourcesShape(Shape):
    timeout: Duration = int(_LIMITS.timeout_s)
    max_bytes: Annotated[int, PlainValidator(parse_bytes)] = _LIMITS.max_bytes
    max_items: AtLeastOne = _LIMITS.max_items_per_source
    concurrency: Annotated[int, Field(ge=1, le=100)] = _LIMITS.concurrency
    per_host: Annotated[int, Field(ge=1, le=20)] = _LIMITS.per_host
    host_pause: Pause = _LIMITS.host_pause_s
    robots: bool = _LIMITS.robots
    arxiv_url: Address = _LIMITS.arxiv_url
    arxiv_pause: Pause = _LIMITS.arxiv_pause_s
    hn_url: Address = _LIMITS.hn_url
    github_url: Address = _LIMITS.github_url


def source_limits_of(shape: SourcesShape, located: Located, report: Report) -> SourceLimits:
    """Return the limits; a pause that is shorter than arXiv asks for is in the report, and its own is used."""
    arxiv_pause_s = shape.arxiv_pause
    if urlsplit(shape.arxiv_url).hostname == _ARXIV and arxiv_pause_s < _ARXIV_PAUSE_S:
        line = located.line("sources", "arxiv_pause")
        report.error(line, "arXiv asks for three seconds between two requests", 'write arxiv_pause = "3s"')
        arxiv_pause_s = _ARXIV_PAUSE_S
    return SourceLimits(
        timeout_s=shape.timeout,
        max_bytes=shape.max_bytes,
        max_items_per_source=shape.max_items,
        concurrency=shape.concurrency,
        per_host=shape.per_host,
        host_pause_s=shape.host_pause,
        robots=shape.robots,
        arxiv_url=shape.arxiv_url,
        arxiv_pause_s=arxiv_pause_s,
        hn_url=shape.hn_url.rstrip("/"),
        github_url=shape.github_url.rstrip("/"),
    )

"""All families of sources that the common suite examines; a further one is one file in `cases/` and one line here."""

from __future__ import annotations

from tests.collectors.cases import arxiv, feeds, radar, requests

CASES = (
    feeds.CASE,
    arxiv.CASE,
    radar.CASE,
    requests.CASE,
)

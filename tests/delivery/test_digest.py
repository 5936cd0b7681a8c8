from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.delivery.digest import collected_from_digest, digest_from_json, digest_to_json
from harness.delivery.markdown import render_markdown
from harness.domain.chart import Chart, Mark, Part
from harness.domain.digest import Digest, DigestItem, Need, Section
from harness.domain.source import Gap

NOON = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
DIGEST = Digest(
    title="Morning – «digest»",
    job_id="ainews/morning-digest",
    run_id="cron:ainews/morning-digest:1",
    made_at=NOON,
    zone="Asia/Tokyo",
    made_by="extractive, no model",
    state="degraded",
    sections=(
        Section(
            "AI",
            "prose",
            (
                DigestItem(
                    "A", "https://a.example/", "why **so** [x](https://a.example/)", ("S", "T"), NOON, True, "P0"
                ),
                DigestItem("B", "https://b.example/", "word " * 200, ("S",), None, False, None),
            ),
            "ainews/arxiv",
            "after",
            3,
        ),
    ),
    gaps=("arXiv: timeout",),
    notice="Everything below is invented.",
    charts=(
        Chart(
            "line",
            "S&P 500",
            (Mark("09:30", (6012.5,), NOON - timedelta(hours=6)), Mark("16:00", (6031.0,), NOON)),
            "points",
            source="Stooq",
            url="u",
        ),
        Chart("bars", "Jobs", (Mark("Sat 21", (3.0, 1.0)),), parts=(Part("delivered", "good"), Part("failed", "bad"))),
    ),
    needs=(
        Need("request", "May I?", "from zoe", "harness bus answer R-1", NOON),
        Need("skill", "rank-items", "learned: L-1", "harness skills review rank-items"),
    ),
    accounted="3 planned: 3 delivered",
    left_out=("one item was delivered here before",),
    is_emergency=True,
)


def test_a_digest_survives_json() -> None:
    assert digest_from_json(json.loads(json.dumps(digest_to_json(DIGEST)))) == DIGEST


def test_a_digest_of_an_older_version_is_still_read() -> None:
    older = digest_to_json(DIGEST)
    for later in ("notice", "charts", "needs", "accounted", "left_out", "is_emergency"):
        del older[later]
    expected = replace(DIGEST, notice="", charts=(), needs=(), accounted="", left_out=(), is_emergency=False)
    assert digest_from_json(older) == expected


@pytest.mark.parametrize("value", [None, [], {}, {"format": 2}, {"format": 1}, "x"])
def test_what_is_no_digest_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match="digest"):
        digest_from_json(value)


def test_another_job_reads_items_with_their_sources_gaps_and_the_whole_text() -> None:
    collected = collected_from_digest(DIGEST, "ainews/morning-digest")
    first, second = collected.items
    assert (first.title, first.url, first.source, first.also_in) == ("A", "https://a.example/", "S", ("T",))
    assert (first.summary, first.published_at) == ("why so x", NOON)
    assert (first.priority, second.priority) == ("P0", "")
    assert second.is_single_source
    assert len(second.summary) <= 600
    assert second.summary.endswith("word…")
    assert collected.gaps == (Gap("ainews/morning-digest", "arXiv: timeout"),)
    own_words = replace(DIGEST, gaps=(), notice="", charts=(), needs=(), accounted="", left_out=())
    assert collected.text == render_markdown(own_words)
    assert "arXiv: timeout" not in collected.text
    assert collected.is_untrusted


def test_the_lines_of_a_digest_are_series_of_whoever_reads_it() -> None:
    (series,) = collected_from_digest(DIGEST, "trading/us-wrap").series
    assert (series.key, series.name, series.unit, series.source) == ("s-p-500", "S&P 500", "points", "Stooq")
    assert [(point.at, point.value) for point in series.points] == [(NOON - timedelta(hours=6), 6012.5), (NOON, 6031.0)]

"""The charts of a digest, from ledger, usage and inputs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.domain.figures import Point, Series
from harness.domain.message import Usage
from harness.domain.run import FireKind, FireState
from harness.domain.source import Collected
from harness.runs.charts import cost_chart, first_hand, health_chart, series_charts
from harness.store.database import Database
from harness.store.fires import add_fire
from harness.store.usage import BookedCall, record_usage

NOW = datetime(2026, 11, 3, 16, 0, tzinfo=UTC)  # two days after the clocks of Los Angeles went back
ZONE = "America/Los_Angeles"


def series_of(name: str, count: int, step: timedelta = timedelta(hours=1)) -> Series:
    points = tuple(Point(NOW - (count - n) * step, 100.0 + n) for n in range(count))
    return Series(name, name, points, "USD", "Stooq", "https://stooq.com/")


def test_each_series_is_a_line_and_four_of_them_are_drawn() -> None:
    inputs = [Collected("market/us", series=tuple(series_of(f"s{n}", 5) for n in range(6)))]
    charts = series_charts(inputs, ZONE)
    assert [chart.title for chart in charts] == ["s0", "s1", "s2", "s3"]
    first = charts[0]
    assert (first.kind, first.unit, first.source, first.url) == ("line", "USD", "Stooq", "https://stooq.com/")
    assert [mark.label for mark in first.marks] == ["03:00", "04:00", "05:00", "06:00", "07:00"]
    assert [mark.total for mark in first.marks] == [100, 101, 102, 103, 104]


def test_a_series_over_days_is_labelled_by_day_and_one_point_is_no_line() -> None:
    inputs = [Collected("market/us", series=(series_of("days", 9, timedelta(days=1)), series_of("one", 1)))]
    (chart,) = series_charts(inputs, ZONE)
    assert (chart.marks[0].label, chart.marks[-1].label) == ("25 Oct", "2 Nov")


def test_the_inputs_take_turns() -> None:
    inputs = [
        Collected("macro/morning", series=tuple(series_of(f"yield {n}", 3) for n in range(4))),
        Collected("trading/us-wrap", series=(series_of("S&P 500", 3),)),
    ]
    assert [chart.title for chart in series_charts(inputs, ZONE)] == ["yield 0", "S&P 500", "yield 1", "yield 2"]


def test_what_another_job_had_delivered_is_no_chart_of_who_merely_reads_it() -> None:
    reads = ("market/us", "trading/us-wrap", "https://example.com/rates.csv", "shared-context/rates.md")
    inputs = [Collected(read, series=(series_of(read, 3),)) for read in reads]
    assert [one.read for one in first_hand(inputs)] == ["market/us", reads[2], reads[3]]


def test_a_series_that_two_inputs_hold_is_drawn_once() -> None:
    inputs = [Collected(read, series=(series_of("s", 3),)) for read in ("market/us", "trading/us-wrap")]
    assert len(series_charts(inputs, ZONE)) == 1


def test_the_health_of_a_week_is_counted_by_local_day_also_where_a_day_has_25_hours(database: Database) -> None:
    fires = [
        (datetime(2026, 11, 1, 6, 59, tzinfo=UTC), FireState.FAILED),  # the last minute of October
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), FireState.DELIVERED),
        (datetime(2026, 11, 2, 7, 59, tzinfo=UTC), FireState.MISSED),  # the last minute of a day of 25 hours
        (datetime(2026, 11, 2, 8, 0, tzinfo=UTC), FireState.DEGRADED),
        (datetime(2026, 11, 3, 15, 0, tzinfo=UTC), FireState.SILENT),
        (datetime(2026, 11, 3, 15, 1, tzinfo=UTC), FireState.RUNNING),
    ]
    with database.write() as connection:
        for due, state in fires:
            add_fire(
                connection,
                job_id="a/b",
                due_at=int(due.timestamp()),
                kind=FireKind.CRON,
                state=state,
                reason="",
                run_id=None,
                now=due,
            )
    with database.read() as connection:
        chart = health_chart(connection, NOW, ZONE)
    assert [part.name for part in chart.parts] == ["delivered", "silent", "degraded", "failed or missed"]
    assert [(mark.label, mark.values) for mark in chart.marks] == [
        ("Sat 31", (0, 0, 0, 1)),
        ("Sun 1", (1, 0, 0, 1)),
        ("Mon 2", (0, 0, 1, 0)),
        ("Tue 3", (0, 1, 0, 0)),
    ]


def test_the_cost_of_two_weeks_is_added_up_by_local_day(database: Database) -> None:
    with database.write() as connection:
        for number, (at, cost) in enumerate(
            [(NOW - timedelta(days=13), 0.5), (NOW - timedelta(hours=1), 0.25), (NOW - timedelta(days=14), 9.0)]
        ):
            call = BookedCall(f"r{number}", "model-1", "a/b", "cheap", "m", Usage(), cost)
            record_usage(connection, call, at)
    with database.read() as connection:
        chart = cost_chart(connection, NOW, ZONE)
    assert (len(chart.marks), chart.unit) == (14, "USD")
    assert [mark.total for mark in chart.marks] == [0.5, *[0.0] * 12, 0.25]

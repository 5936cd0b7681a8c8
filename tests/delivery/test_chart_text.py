from __future__ import annotations

import pytest

from harness.delivery.chart_text import amount, chart_line, plain_line, sparkline
from harness.domain.chart import Chart, Mark, Part


def marks(*values: float) -> tuple[Mark, ...]:
    return tuple(Mark(f"{9 + n:02}:00", (value,)) for n, value in enumerate(values))


def test_a_line_says_from_where_to_where_and_who_says_so() -> None:
    chart = Chart("line", "S&P *500*", marks(6000, 6040.5, 5990, 6060), "points", source="Stooq")
    assert chart_line(chart) == (
        "**S&P \\*500\\*** `▂▆▁█` 6,000 points → 6,060 points (+1.0 %), low 5,990 points, high 6,060 points "
        "(09:00 – 12:00) · Stooq"
    )


def test_percents_change_by_points_of_percent() -> None:
    assert "3.77 % → 3.84 % (+0.07 points), low" in plain_line(Chart("line", "Bill", marks(3.77, 3.84), "%"))
    assert "12.4 °C → 13.2 °C (+0.8 °C), low" in plain_line(Chart("line", "Outside", marks(12.4, 13.2), "°C"))


def test_bars_say_what_the_newest_is_made_of() -> None:
    parts = (Part("delivered", "good"), Part("failed", "bad"))
    chart = Chart("bars", "Jobs", (Mark("Fri", (8.0, 0.0)), Mark("Sat", (3.0, 1.0))), parts=parts)
    assert plain_line(chart) == "Jobs █▅ Sat: 3 delivered, 1 failed"


def test_bars_of_one_part_say_the_most_and_the_sum() -> None:
    chart = Chart("bars", "Cost", (Mark("Fri", (1.25,)), Mark("Sat", (0.5,))), "USD")
    assert plain_line(chart) == "Cost █▄ Sat: $0.50, most $1.25 (Fri), together $1.75"


def test_where_there_is_nothing_it_says_so_without_a_picture() -> None:
    assert plain_line(Chart("bars", "Cost", (Mark("Sat", (0.0,)),), "USD")) == "Cost nothing yet"
    assert plain_line(Chart("line", "S&P", ())) == "S&P nothing yet"


def test_a_long_series_has_24_columns_and_ends_with_its_end() -> None:
    columns = sparkline(marks(*range(1000)))
    assert len(columns) == 24
    assert (columns[0], columns[-1]) == ("▁", "█")


def test_what_does_not_move_is_flat() -> None:
    assert sparkline(marks(5, 5, 5)) == "▁▁▁"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(6012.5, "", "6,012.5"), (203.3, "USD", "$203.30"), (-3.456, "%", "-3.46 %"), (0.0012, "USD", "$0.0012"),
     (0.1234, "", "0.1234"), (0, "USD", "$0.00"), (-12, "USD", "-$12.00"), (51, "", "51")],
)  # fmt: skip
def test_numbers_are_written_as_people_do(value: float, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown

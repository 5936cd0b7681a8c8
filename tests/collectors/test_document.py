"""Numbers of documents: what is none of anything is no number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from harness.collectors.document import number_of
from harness.delivery.chart_text import chart_line
from harness.domain.chart import Chart, Mark


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        ("3.5", 3.5),
        ("-1e3", -1000.0),
        (True, None),
        ("", None),
        (".", None),
        ("nan", None),
        ("inf", None),
        (float("inf"), None),
        (10**400, None),
        (1.7e308, None),
        ("-1.7e308", None),
        ("9" * 41, None),
    ],
)
def test_a_number_is_one_that_can_be_added_and_scaled(value: Any, expected: float | None) -> None:
    assert number_of(value) == expected


def test_no_two_numbers_of_a_source_break_the_chart_that_is_drawn_of_them() -> None:
    values = [number for text in ("1.7e308", "-1.7e308", "1e24", "-1e24") if (number := number_of(text)) is not None]
    marks = tuple(Mark("Sat 21", (value * 9 / 5,), datetime(2026, 11, 21, tzinfo=UTC)) for value in values)

    assert "▁█" in chart_line(Chart("line", "Temperature", (*reversed(marks), *marks)))

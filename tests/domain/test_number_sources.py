from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from harness.domain.figures import Figure, Point, Series
from harness.domain.number_sources import known_numbers, untraced
from harness.domain.source import Collected, Item

SHARES = Item("Shares drop 3.1% after results", "https://a.example", "A")
STARS = Item("x", "https://a.example", "A", summary="It has 1,234 stars")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def figures(*values: tuple[str, float, str], name: str = "") -> Collected:
    return Collected("market/us", figures=tuple(Figure(key, name or key, value, unit) for key, value, unit in values))


def strangers(text: str, *collected: Collected, task: str = "") -> list[str]:
    return [numeral.text for numeral in untraced(text, known_numbers(collected, task))]


SPX = figures(("spx.close", 5123.42, ""), ("spx.open", 5164.74, ""), ("spx.change", -0.8, "%"))
YIELDS = figures(("us10y.yield", 4.21, "%"), ("us2y.yield", 3.76, "%"), name="US 10-year yield")


@pytest.mark.parametrize(
    ("text", "collected"),
    [
        ("closed at 5,123.42", SPX),
        ("closed at 5,123.4", SPX),
        ("closed at 5123", SPX),
        ("closed at about 5,100", SPX),
        ("closed at 5.1k", SPX),
        ("down 0.8 %", SPX),
        ("−0.80 %", SPX),
        ("a fall of 0.8 percent", SPX),
        ("lost 41.3 points", SPX),
        ("the ten-year yield is 4.2 %", YIELDS),
        ("421 bp", YIELDS),
        ("the curve is 45 bp steep", YIELDS),
        ("a spread of 0.45 percentage points", YIELDS),
        ("the 10y stands at 4.21", YIELDS),
        ("2.4 % of all", figures(("share", 0.024, ""))),
        ("a share of 0.024", figures(("share", 2.4, "%"))),
        ("159.5 million people", figures(("payrolls", 159_500, "thousand persons"))),
        ("$5.2bn", figures(("deal", 5_170_000_000, "USD"))),
        ("5.2 billion dollars", figures(("deal", 5.17, "USD billion"))),
        ("down 12 % from its peak", figures(("spx.drawdown", 12.0, "%"), name="drawdown from the peak")),
        ("it fell 3.1 %", Collected("feeds/a", items=(SHARES,))),
        ("1.2k stars", Collected("feeds/a", items=(STARS,))),
        ("revenue of 7.5 bn", Collected("notes.md", text="Revenue: 7.5 billion")),
        ("Topix Core 30 gained", figures(("tpx.close", 1200.0, ""), name="Topix Core 30, close")),
    ],
)  # fmt: skip
def test_what_was_collected_or_follows_from_it_is_known(text: str, collected: Collected) -> None:
    assert strangers(text, collected) == []


@pytest.mark.parametrize(
    ("text", "collected", "found"),
    [
        ("closed at 5,124.4", SPX, "5,124.4"),
        ("closed at 5,123.43", SPX, "5,123.43"),
        ("closed at 5,100", SPX, "5,100"),
        ("up 0.8 %", SPX, "0.8 %"),
        ("+0.8 %", SPX, "+0.8 %"),
        ("down 0.9 %", SPX, "0.9 %"),
        ("down 5,123 %", SPX, "5,123 %"),
        ("4.21 USD", YIELDS, "4.21 USD"),
        ("a yield of 0.45 %", YIELDS, "0.45 %"),
        ("5.13 %", Collected("notes.md", text="about 5.1 %"), "5.13 %"),
        ("€5", figures(("deal", 5.0, "USD")), "€5"),
        ("seven percent", SPX, "seven percent"),
        ("Topix Core 31 gained", figures(("tpx.close", 1200.0, ""), name="Topix Core 30, close"), "31"),
    ],
)
def test_what_is_invented_is_found(text: str, collected: Collected, found: str) -> None:
    assert strangers(text, collected) == [found]


def test_numbers_of_the_task_are_known() -> None:
    assert strangers("below 2.5 %, 7", task="Warn me below 2.5 %.") == ["7"]


def series(*values: float) -> Collected:
    points = tuple(Point(NOW + timedelta(days=day), value) for day, value in enumerate(values))
    return Collected("market/us", series=(Series("spx", "S&P 500", points),))


def test_a_series_gives_its_points_and_how_far_its_last_one_is_from_earlier_ones() -> None:
    line = series(100.0, 90.0, 104.0, 108.0)
    assert strangers("90; 104; up 8 % since the first, up 3.8 % on the day, 18 points above the low", line) == []
    assert strangers("up 15.6 % between two of them", line) == ["15.6 %"], "from a point in the middle to another one"


def test_figures_of_different_things_are_not_compared_in_percent() -> None:
    both = figures(("spx.close", 100.0, ""), ("ndx.close", 150.0, ""))
    assert strangers("one is 50 % above the other", both) == ["50 %"]


def test_an_empty_run_knows_nothing() -> None:
    assert strangers("5 %") == ["5 %"]
    assert strangers("P1 by 2026-11-21, 3 days") == []


VALUES = st.floats(0.001, 1e9, allow_nan=False).map(lambda value: float(f"{value:.6g}"))


@given(VALUES, st.integers(0, 6), st.booleans(), st.sampled_from(["%", "", "USD"]))
@example(0.5, 0, False, "%")
@example(2.5, 0, True, "")
@example(1999.5, 0, False, "")
def test_a_collected_value_rounded_to_any_precision_is_known(
    value: float, decimals: int, is_grouped: bool, unit: str
) -> None:
    written = f"{value:,.{decimals}f}" if is_grouped else f"{value:.{decimals}f}"
    sign = {"%": f"{written} %", "USD": f"${written}"}.get(unit, written)
    assert strangers(f"It is {sign}.", figures(("a", value, unit))) == []


@given(VALUES, st.integers(0, 4), st.integers(1, 500), st.sampled_from(["%", "", "USD"]), st.booleans())
@example(5123.42, 1, 6, "", True)
def test_a_number_moved_by_more_than_rounding_is_found(
    value: float, decimals: int, tenths: int, unit: str, is_up: bool
) -> None:
    step = 10.0**-decimals
    moved = value + (1 if is_up else -1) * step * (1.02 + tenths / 10)
    written = f"{moved:.{decimals}f}"
    assume(moved > 0 and abs(float(written) - value) > step * 0.51)
    sign = {"%": f"{written} %", "USD": f"${written}"}.get(unit, f"a level of {written} points")
    assert len(strangers(f"It is {sign}.", figures(("a", value, unit)))) == 1


@given(VALUES, st.integers(1, 3))
def test_thousands_may_be_written_short(value: float, decimals: int) -> None:
    for size, suffix in ((1e3, "k"), (1e6, " million"), (1e9, "bn")):
        assert strangers(f"It is {value / size:.{decimals}f}{suffix}.", figures(("a", value, ""))) == []


def test_pips_are_the_fourth_digit_of_a_rate_and_of_the_yen_the_second() -> None:
    rates = figures(("eurusd.close", 1.0489, ""), ("eurusd.previous", 1.0440, ""))
    yen = figures(("usdjpy.close", 154.78, ""), ("usdjpy.previous", 154.4, ""))
    assert strangers("The euro rose 49 pips; USD/JPY gained 38 pips.", rates, yen) == []
    assert strangers("The euro rose 61 pips, tenfold, or 10-fold.", rates, yen) == ["61 pips", "10-fold"]


def test_a_sum_of_money_in_trillions_is_traced_by_its_letter() -> None:
    worth = figures(("nvda.cap", 3.39e12, "USD"))
    assert strangers("NVIDIA is worth $3.4T, or 3.39T dollars, and not $4.5T.", worth) == ["$4.5T"]

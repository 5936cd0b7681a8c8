from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.domain.no_figures import NO_FIGURES
from harness.domain.numerals import numerals_in, worth_of


def readings(text: str) -> list[tuple[float, float, str]]:
    """Return of each number what it means first: its value, its step and its unit."""
    return [(n.quantities[0].value, n.quantities[0].step, n.quantities[0].unit) for n in numerals_in(text)]


@pytest.mark.parametrize(
    ("text", "value", "step", "unit"),
    [
        ("1,234.5", 1234.5, 0.1, ""),
        ("1.234,5", 1234.5, 0.1, ""),
        ("1'234", 1234, 1, ""),
        ("1\u202f234\u202f567", 1234567, 1, ""),
        ("12,34,567", 1234567, 1, ""),
        ("0,8 %", 0.8, 0.1, "%"),
        ("1.2k", 1200, 100, ""),
        ("3.4 m", 3.4e6, 1e5, ""),
        ("5bn", 5e9, 1e9, ""),
        ("$1.5 trillion", 1.5e12, 1e11, "USD"),
        ("2 billion euros", 2e9, 1e9, "EUR"),
        ("US$5", 5, 1, "USD"),
        ("EUR 5.20", 5.2, 0.01, "EUR"),
        ("5 €", 5, 1, "EUR"),
        ("240 bp", 240, 1, "bp"),
        ("25-basis-point", 25, 1, "bp"),
        ("1.2 percentage points", 1.2, 0.1, "pp"),
        ("4¾ percent", 4.75, 0.01, "%"),
        ("five percent", 5, 1, "%"),
        ("twenty-five of them, thirty basis points", 30, 1, "bp"),
        ("Twenty-five percent", 25, 1, "%"),
        ("a hundred basis points", 100, 1, "bp"),
        ("eleven billion dollars", 11e9, 1e9, "USD"),
        ("1.5e6", 1.5e6, 1e5, ""),
        ("**5.1** %", 5.1, 0.1, "%"),
        ("`5.1`", 5.1, 0.1, ""),
        ("5&nbsp;%", 5, 1, "%"),
        ("about 5,000", 5000, 1000, ""),
        ("21.5 °C", 21.5, 0.1, "°"),
        ("2050 points", 2050, 1, ""),
        ("a stop at 1999", 1999, 1, ""),
    ],
)
def test_a_number_is_read_with_its_unit_and_its_precision(text: str, value: float, step: float, unit: str) -> None:
    ((read_value, read_step, read_unit),) = readings(text)
    assert (read_value, read_step) == pytest.approx((value, step))
    assert read_unit == unit


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("−0.8 %", [-1]),
        ("-0.8%", [-1]),
        ("–0.8 %", [-1]),
        ("+1.2 pp", [1]),
        ("-$5", [-1]),
        ("$-5", [-1]),
        ("fell 0.8 %", [-1]),
        ("fell by 0.8 %", [-1]),
        ("up 3 points", [1]),
        ("3-5 %", [0, 0]),
        ("3–5 %", [0, 0]),
        ("- 5 %", [0]),
        ("5 %, 3 %", [0, 0]),
    ],
)
def test_a_sign_is_one_only_where_it_is_no_dash(text: str, signs: list[int]) -> None:
    assert [numeral.sign for numeral in numerals_in(text)] == signs


def test_both_ends_of_a_range_are_in_its_unit() -> None:
    assert [unit for _, _, unit in readings("3–5 %, between 2 and 2.5 percent")] == ["%"] * 4


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("addresses", ["[Title](https://a.example/2/3,5)", "https://a.example/99", "<https://a.example/1.5>"]),
        (
            "dates",
            [
                "2026-11-15", "2026-11-15T09:30:00Z", "2026/11/15", "11/15", "11/15/26", "15.11.2026", "Nov 15",
                "November 15, 2026", "15 November 2026", "12–14 November", "the 3rd of May", "’26",
            ],
        ),
        ("times", ["09:30", "9:30 am", "9 PM", "14h30", "16:00:05", "UTC+2"]),
        ("confidences", ["confidence 65 %", "confidence: high (75 %)", "80 % confident", "Confidence 60–70 %"]),
        ("ranks", ["1. First", "- 2) Second", "| 3 | NVDA |", "#4", "No. 5", "top 10", "top-5", "## 1.2 Facts", "[3]"]),
        ("versions", ["1.2.3", "v1.2.3", "10.0.19041.1"]),
        ("index names", ["S&P 500", "S&amp;P 500", "Nikkei 225", "FTSE 100", "Nasdaq-100", "Stoxx Europe 600"]),
        ("durations", ["24 hours", "7 days", "50-day", "10-year", "3 to 6 months", "90s", "2.5 hours", "5 sessions"]),
        ("years", ["2026", "in 1998", "2025-26", "the 1990s", "2024–2026"]),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_none(kind: str, texts: list[str]) -> None:
    assert {text: numerals_in(text) for text in texts} == dict.fromkeys(texts, ())
    pattern = NO_FIGURES[kind]
    assert any(pattern.search(text) for text in texts), "the kind that the table names is the one that finds it"


def test_every_kind_that_is_no_figure_has_its_cases() -> None:
    cases = test_what_only_looks_like_a_number_is_none.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert [kind for kind, _ in cases] == list(NO_FIGURES)


@pytest.mark.parametrize(
    "text",
    ["P0 P1 P2", "Q3 and H1", "FY26", "GPT-5", "COVID-19", "5G", "3D", "1st", "10-K", "ERR-20261121-7f3a", "v2", "M2"],
)
def test_a_number_that_touches_letters_is_a_name(text: str) -> None:
    assert numerals_in(text) == ()


@pytest.mark.parametrize("text", ["at one point", "two points to make", "three of the five", "one-off", "twenty times"])
def test_a_count_in_words_is_no_figure(text: str) -> None:
    assert numerals_in(text) == ()


def test_a_number_behind_a_word_and_a_dash_counts_with_a_unit() -> None:
    assert readings("sub-5 % growth") == [(5, 1, "%")]


def test_the_line_of_a_number_is_told() -> None:
    assert [(numeral.text, numeral.line) for numeral in numerals_in("a\nb 5.1 %\n\nc 7")] == [("5.1 %", 2), ("7", 4)]


@pytest.mark.parametrize(
    "text",
    [
        "S&P 5900", "DAX 9000", "Dow 300 higher", "KOSPI 2600", "Nasdaq 100 points", "in May 18 billion", "May 18 %",
        "closed at\n187. It rose", "| 187 | NVDA |", "## 187.5 is next", "## 12 % up", "top 5 percent",
        "worth $4.5T", "worth 4.5T", "a $90kk order",
    ],
)  # fmt: skip
def test_a_figure_where_a_name_a_date_or_a_rank_may_stand_is_a_figure(text: str) -> None:
    assert len(numerals_in(text)) == 1


@pytest.mark.parametrize("price", ["at 2050", "near 1,950", "entry 2031", "stop: 2001", "$2026", "2026 USD", "2,026"])
def test_a_price_that_could_be_a_year_is_a_figure(price: str) -> None:
    assert len(numerals_in(price)) == 1


@given(st.integers(0, 10**12), st.integers(0, 6))
@example(1234, 0)
@example(0, 3)
def test_what_python_writes_is_read_back_exactly(digits: int, decimals: int) -> None:
    value = digits / 10**decimals
    for written in (f"{value:.{decimals}f}", f"{value:,.{decimals}f}"):
        assert worth_of(written) == pytest.approx((value, 10.0**-decimals))


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    lines = text.count("\n") + 1
    assert all(1 <= numeral.line <= lines for numeral in numerals_in(text))

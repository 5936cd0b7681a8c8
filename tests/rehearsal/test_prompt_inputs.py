"""What a prompt tells of what was collected, read back out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.figures import Figure, Point, Series
from harness.domain.source import Item
from harness.gate.outside import RECALLED_OWN, fence, figure_line, figure_rows, item_line, series_line
from harness.rehearsal.prompt_inputs import PromptItem, read_inputs, read_outside, read_today

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
WORDS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "://" not in text)


def test_each_fenced_input_is_read_with_its_figures_items_and_other_lines() -> None:
    figure = Figure("^spx.close", "S&P 500, close", -6012.5, "points", AT, "Bourse", "https://a.org/spx")
    item = Item("A title", "https://a.org/1", "Blog", "Why | so.", AT, also_in=("News",))
    closes = Series(
        "^spx.closes", "S&P 500", tuple(Point(AT + timedelta(days=n), 6000.5 + n) for n in range(3)), "points"
    )
    lines = f"Not available: Oil: 503\n{figure_line(figure)}\n{series_line(closes)}\n"
    market = fence(lines, "market/indices (3 of 5 shown)")
    prompt = f"Today is 2026-11-20. Go.\n\n{market}\n\n{fence(item_line(1, item), 'feeds/ai')}\n"

    inputs = read_inputs(prompt)

    assert list(inputs) == ["market/indices", "feeds/ai"]
    read = inputs["market/indices"].figures["^spx.close"]
    assert (read.value, read.unit, read.name, read.source) == (-6012.5, "points", "S&P 500, close", "Bourse")
    assert (read.at, read.url) == ("2026-11-20 21:00 UTC", "https://a.org/spx")
    assert inputs["market/indices"].series == {"^spx.closes": (6000.5, 6001.5, 6002.5)}
    assert inputs["market/indices"].lines == ("Not available: Oil: 503",)
    assert inputs["feeds/ai"].items == (
        PromptItem("A title", "https://a.org/1", ("Blog", "News"), "2026-11-20", "Why ¦ so."),
    )
    assert read_today(prompt) == "2026-11-20"


def test_what_memory_tells_is_no_input_of_the_run() -> None:
    assert read_inputs(fence("spx.close = 1", f"{RECALLED_OWN} 2026-11-19")) == {}
    assert read_today("Tomorrow is 2026-11-21.") == ""


@given(value=st.floats(allow_nan=False, allow_infinity=False, width=32), name=WORDS, unit=WORDS, source=WORDS)
def test_the_number_of_a_figure_comes_back_whatever_stands_beside_it(
    value: float, name: str, unit: str, source: str
) -> None:
    line = figure_line(Figure("spx.close", name, value, unit, AT, source))
    read = read_inputs(fence(line, "market/x"))["market/x"].figures["spx.close"]
    assert read.value == value
    assert read.at == "2026-11-20 21:00 UTC"


def test_the_entries_of_another_jobs_digest_are_items_too() -> None:
    digest = "## Rising\n\n- [sieve\\_kit \\[beta\\]](https://a.org/1) — Shows its failures.\n- no item\n- [Bare](https://a.org/2)"
    read = read_inputs(fence(digest, "ainews/github-trending"))["ainews/github-trending"]
    assert read.items == (
        PromptItem("sieve\\_kit \\[beta\\]", "https://a.org/1", (), "", "Shows its failures."),
        PromptItem("Bare", "https://a.org/2", (), "", ""),
    )
    assert read.lines == ("## Rising", "- no item")


def test_figures_of_one_thing_are_read_from_their_one_line() -> None:
    named = {
        "close": ("close", 4.01, "%"),
        "change": ("change", -7.0, "bp"),
        "change_5d": ("change over 5 sessions", 0.0, "bp"),
    }
    figures = [Figure(f"us10y.{key}", f"US 10-year yield, {name}", value, unit, AT, "Bourse", "https://a.org/y")
               for key, (name, value, unit) in named.items()]  # fmt: skip
    [(_, line)] = figure_rows(figures)
    read = read_inputs(fence(line, "market/macro"))["market/macro"].figures
    assert {key: (one.value, one.unit) for key, one in read.items()} == {
        "us10y.close": (4.01, "%"), "us10y.change": (-7.0, "bp"), "us10y.change_5d": (0.0, "bp"),
    }  # fmt: skip
    assert {(one.name, one.source, one.at[:10], one.url) for one in read.values()} == {
        ("US 10-year yield", "Bourse", "2026-11-20", "https://a.org/y")
    }


def test_outside_of_all_fences_figures_count_and_examples_of_items_do_not() -> None:
    line = figure_line(Figure("spx.close", "S&P 500, close", 6012.5, "", AT))
    prompt = f"Write each item so:\n- [Title](https://its.own/link) — why.\n{line}\n{fence(line, 'market/x')}"
    beside = read_outside(prompt)
    assert (list(beside.figures), beside.items) == (["spx.close"], ())

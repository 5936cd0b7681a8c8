"""The figures of a prompt in words: a rise is never called a fall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import HarnessError
from harness.rehearsal.prompt_inputs import PromptFigure
from harness.rehearsal.told_figures import ToldFigures


def told(**values: tuple[str, float, str]) -> ToldFigures:
    """Figures of symbol and key as `spx__close=(name, value, unit)`."""
    figures = {
        name.replace("__", "."): PromptFigure(name, value, unit, called, "Bourse", "2026-11-20 21:00 UTC")
        for name, (called, value, unit) in values.items()
    }
    return ToldFigures("recorded/x.yaml", figures, {"spx.closes": (1.0, 2.0, 3.0)})


SPX, GOLD, YIELD = ("S&P 500", 6846.554, ""), ("Gold", 4162.4, "USD"), ("US 10-year yield", 4.01, "%")


@given(st.floats(-50, 50).map(lambda value: round(value, 2)))
def test_the_verb_says_what_the_sign_says(change: float) -> None:
    sentence = told(spx__close=SPX, spx__change_pct=("S&P 500", change, "%")).say("spx")
    verb = "rose" if change > 0 else "fell" if change < 0 else "was unchanged"
    assert f" {verb} " in sentence
    assert sentence.startswith("the S&P 500") and sentence.endswith("6,846.55")


def test_yields_are_told_in_basis_points_and_names_without_an_article() -> None:
    figures = told(
        us10y__close=YIELD, us10y__change=("US 10-year yield", -7.0, "bp"), us10y__change_5d=("", 3.0, "bp"),
        gold__close=GOLD, gold__change_pct=("Gold", 1.2, "%"),
    )  # fmt: skip
    assert figures.say("us10y") == "the US 10-year yield fell 7.0 bp to 4.01 %"
    assert figures.begin("us10y").startswith("The US 10-year yield")
    assert figures.say("gold") == "Gold rose 1.20 % to 4,162.40"
    assert figures.source("gold") == "(Bourse, 2026-11-20)"
    assert figures.table("us10y", "wti").splitlines()[2:] == [
        "| US 10-year yield | 4.01 % | -7.0 bp | +3.0 bp |",
        "| wti | no data | no data | no data |",
    ]


def test_a_price_without_a_change_only_stands_somewhere() -> None:
    assert told(eurusd__close=("Euro in dollars", 1.15268, "")).say("eurusd") == "the Euro in dollars stands at 1.1527"


def test_what_was_not_collected_is_never_made_up() -> None:
    figures = told(spx__close=SPX)
    assert figures.past("spx.closes", 2) == (2.0, 3.0)
    assert not figures.has("spx.close", "gold.close")
    for ask in (
        lambda: figures.value("gold.close"),
        lambda: figures.say("gold"),
        lambda: figures.past("gold.closes", 2),
    ):
        with pytest.raises(HarnessError, match=r"recorded/x\.yaml speaks of gold\.close"):
            ask()

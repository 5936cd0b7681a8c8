"""The page on the tokens of a day."""

from __future__ import annotations

import pytest

from bench.day import PRICES, MeasuredDay, Price, Tokens, render, usd
from harness.domain.run import FireState


def test_the_page_adds_the_agents_up_and_says_what_pasting_everything_would_cost() -> None:
    agents = {"zoe": Tokens(2, 1_000, 9_000, 100), "ainews": Tokens(3, 3_000, 9_000, 200)}
    day = MeasuredDay(9.5, 400, {FireState.DELIVERED: 400}, agents)
    page = render(day)
    assert "| ainews | 3 | 3,000 | 9,000 | 3.0 | 200 |\n| zoe | 2 | 1,000 | 9,000 | 9.0 | 100 |" in page
    assert "| **all** | 5 | 4,000 | 18,000 | 4.5 | 300 |" in page
    assert all(f"| {price.name} | {price.seen} |" in page for price in PRICES)
    assert render(MeasuredDay(99.0, 400, {}, agents)) == page  # no figure of it depends on the machine


def test_a_price_is_for_a_million_tokens() -> None:
    assert usd(Price("m", 3.0, 15.0, "2026-11"), 1_000_000, 100_000) == pytest.approx(4.5)

"""The contracts in words."""

from __future__ import annotations

import pytest

from harness.domain.contract import Contract, ItemRule, ShareLimit, SignalRule
from harness.domain.tokens import estimate_tokens
from harness.prompt.output import contract_in_words, harness_contract


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (Contract(), ()),
        (Contract(min_items=8), ("At least 8 items.",)),
        (Contract(max_items=8, min_chars=100), ("At most 8 items.", "At least 100 characters.")),
        (Contract(min_items=8, max_items=20), ("Between 8 and 20 items.",)),
        (Contract(must_include=("not advice",)), ('The text contains "not advice".',)),
        (Contract(every_item=ItemRule()), ("Every link is one of the collected URLs, unchanged.",)),
        (
            Contract(every_item=ItemRule(url_collected=True, reachable=True)),
            ("Every link is one of the collected URLs, unchanged.", "Every link answers."),
        ),
        (Contract(unseen_for_s=14 * 86_400), ("No item that this job delivered in the last 14 days.",)),
        (
            Contract(reminder_chars=49),
            ("The whole text is one line of at most 49 characters, with no list and no link.",),
        ),
        (Contract(sections=("Facts", "View")), ("It has these ## headings, with text below each: Facts, View.",)),
        (Contract(disclaimer="No advice."), ('It ends with these words: "No advice."',)),
        (Contract(must_not_include=("stock", "bond")), ("These words stand nowhere in it: stock, bond.",)),
        (
            Contract(cite=("macro/weekly-review",)),
            ("It names macro/weekly-review with the day of its latest result, as macro/weekly-review (YYYY-MM-DD).",),
        ),
        (
            Contract(every_item=ItemRule(priority=True), max_share=(ShareLimit("ai", 40.0),)),
            (
                "Every link is one of the collected URLs, unchanged.",
                "Every item ends in P0, P1 or P2.",
                "At most 40 % of the items are of the basket ai.",
            ),
        ),
        (Contract(unseen_for_s=5_400), ("No item that this job delivered in the last 1.5 hours.",)),
    ],
)
def test_each_promise_is_told_in_a_sentence(contract: Contract, words: tuple[str, ...]) -> None:
    assert contract_in_words(contract) == words


def test_what_a_model_may_claim_is_told_with_the_form_of_a_signal() -> None:
    promised = Contract(numbers="collected", signals=SignalRule(wait_below=60.0), confidence="labelled")
    numbers, form, waiting, labels = contract_in_words(promised)
    assert numbers.startswith("Every number stands in the inputs")
    assert "- **SYMBOL** long · entry N · stop N · target N · confidence N % — why" in form
    assert waiting == "Below a confidence of 60 % a signal says wait and names no entry."
    assert "confidence: high (over 70 %), medium or low (under 50 %)" in labels


def test_the_harness_contract_stays_below_its_budget_for_long_names_too() -> None:
    assert estimate_tokens(harness_contract("an-agent-of-long-name", "Maximiliana Featherstone")) < 248


def test_the_harness_contract_shows_the_form_of_an_item() -> None:
    assert "\n- [Title](https://its.own/link) — why it matters" in harness_contract("scout", "Sam")

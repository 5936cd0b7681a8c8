"""Promises about words: headings, disclaimers, citations, forbidden phrases, reminders."""

from __future__ import annotations

import pytest

from harness.domain.contract import Contract, Evidence, EvidenceItem, ItemRule
from harness.domain.judgement import MOST_NAMED, gaps, judge, repair_message
from harness.domain.promised_words import has_disclaimer, span_of, spoken


def details(contract: Contract, text: str, **more: object) -> list[str]:
    return [violation.detail for violation in judge(contract, Evidence(text, **more))]  # type: ignore[arg-type]


@pytest.mark.parametrize("heading", ["## Facts", "# 1. Facts", "**Facts:**", "### facts of the day"])
def test_a_section_is_found_however_its_heading_is_written(heading: str) -> None:
    assert details(Contract(sections=("Facts",)), f"{heading}\n\nRates fell.") == []


def test_a_section_whose_text_stands_below_its_own_headings_is_there() -> None:
    assert details(Contract(sections=("Facts",)), "## Facts\n\n### Rates\n\nThey fell.\n\n## End") == []
    assert details(Contract(sections=("Facts",)), "## Facts\n\n---\n\n## End\n\nx") == [
        "nothing stands below the heading “Facts”"
    ]


def test_a_disclaimer_is_the_same_words_over_lines_and_in_italics() -> None:
    assert has_disclaimer("x\n\n*Research only, not\nfinancial advice.*", "Research only, not financial advice.")
    assert not has_disclaimer("Research only, no financial advice.", "Research only, not financial advice.")


@pytest.mark.parametrize(
    "text",
    [
        "As macro/weekly-review (2026-11-15) says.",
        "As `macro/weekly-review` (2026-11-15) says.",
        "As **macro/weekly-review (2026-11-15)** says.",
        "As [macro/weekly-review](https://a.example) (2026-11-15) says.",
        "As macro/weekly-review of 2026-11-15 says.",
        "See macro/weekly-review, 2026-11-15.",
    ],
)
def test_a_citation_is_found_in_the_ways_people_write_it(text: str) -> None:
    contract = Contract(cite=("macro/weekly-review",))
    assert details(contract, text, days={"macro/weekly-review": "2026-11-15"}) == []
    assert details(contract, text, days={"macro/weekly-review": "2026-11-22"}) == [
        "the text does not cite macro/weekly-review with its day"
    ]


def test_what_cannot_be_cited_yet_is_a_gap() -> None:
    contract = Contract(cite=("macro/weekly-review",))
    assert details(contract, "x", days={}) == []
    assert gaps(Evidence("x"), contract) == ("macro/weekly-review has no result yet that could be cited",)


def test_a_forbidden_phrase_is_whole_words_over_lines_and_in_no_address() -> None:
    contract = Contract(must_not_include=("stock market",))
    assert details(contract, "The Stock\nMarket rose.") == ["the text says “stock market” (line 1: The Stock)"]
    for fine in ("A stockmarket.", "Livestock markets.", "See [it](https://a.example/stock market)", "x"):
        assert details(contract, fine) == [], fine
    assert (
        details(Contract(must_not_include=("stock",)), "See [it](https://a.example/stock) or https://a.example/stock")
        == []
    )


def test_a_phrase_that_stands_twice_in_a_passage_is_one_violation() -> None:
    found = judge(Contract(must_not_include=("gold",)), Evidence("Gold,\nand gold.\n\nMore gold."))
    assert [violation.lines for violation in found] == [(1, 2), (4, 4)]


def test_a_nested_entry_is_left_out_without_the_one_above_it() -> None:
    text = "- a\n  - b\n  - c\n- d\n  e\n\np\nq"
    assert [span_of(text, line) for line in range(1, 9)] == [
        (1, 3), (2, 2), (3, 3), (4, 5), (4, 5), (6, 6), (7, 8), (7, 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "read"), [("**Drink** a\nglass.", "Drink a glass."), ("- Drink", "Drink"), ("# Up", "Up")]
)
def test_the_length_of_a_reminder_is_that_of_its_words(text: str, read: str) -> None:
    assert spoken(text) == read
    contract = Contract(reminder_chars=len(read) - 1)
    assert len(details(contract, text)) == 1
    assert details(Contract(reminder_chars=len(read)), text) == []


def test_without_a_model_nobody_judges_priorities() -> None:
    contract = Contract(every_item=ItemRule(priority=True))
    bare = (EvidenceItem("A", "https://a.example", True),)
    assert details(contract, "x", items=bare) == ["item 1 “A” has no priority"]
    assert details(contract, "x", items=bare, is_judged=False) == []
    assert gaps(Evidence("x", bare, is_judged=False), contract) == ("not judged for impact: no model",)


def test_a_repair_names_so_many_faults_and_counts_the_rest() -> None:
    contract = Contract(must_not_include=tuple(f"word{n}" for n in range(MOST_NAMED + 3)))
    text = "\n\n".join(contract.must_not_include)
    message = repair_message(judge(contract, Evidence(text)))
    assert message.count("must_not_include:") == MOST_NAMED
    assert message.endswith("and 3 more of the same kinds")


@pytest.mark.parametrize("heading", ["## Facts", "## 📊 Facts", "## *1. Facts*"])
def test_a_section_is_found_behind_a_picture_and_not_in_code(heading: str) -> None:
    contract = Contract(sections=("Facts",))
    assert details(contract, f"{heading}\n\nRates fell.") == []
    assert details(contract, f"```\n{heading}\n\nRates fell.\n```") == ["there is no heading “Facts”"]


@pytest.mark.parametrize("body", ["-", "—", "...", "&nbsp;", "\u200b", "<!-- later -->", "- \n- "])
def test_a_section_without_a_word_is_empty(body: str) -> None:
    problem = ["nothing stands below the heading “Facts”"]
    assert details(Contract(sections=("Facts",)), f"## Facts\n\n{body}") == problem


@pytest.mark.parametrize("body", ["None.", "- none", "*N/A*", "Nothing", "No counter-argument."])
def test_a_counter_argument_that_is_none_is_none(body: str) -> None:
    contract = Contract(sections=("Disputed", "Counter-argument"))
    assert details(contract, f"## Disputed\n\n{body}\n\n## Counter-argument\n\n{body}") == [
        "nothing stands below the heading “Counter-argument”"
    ]


@pytest.mark.parametrize("hidden", ['[x](https://a.example "{}")', "[//]: # ({})", "<!-- {} -->"])
def test_a_disclaimer_that_nobody_gets_to_read_is_missing(hidden: str) -> None:
    disclaimer = "Research only, not financial advice."
    assert not has_disclaimer(f"NVDA rose.\n\n{hidden.format(disclaimer)}", disclaimer)
    assert has_disclaimer(f"{hidden.format('x')}\n\n{disclaimer}", disclaimer)


@pytest.mark.parametrize("said", ["_stock_", "**st**ock", "st\u200bock", "sto\u00adck", "\uff53tock"])
def test_a_forbidden_word_is_found_as_it_is_read(said: str) -> None:
    contract = Contract(must_not_include=("stock",))
    assert [problem.partition(" (")[0] for problem in details(contract, f"Well.\n\nA {said} of soup.")] == [
        "the text says “stock”"
    ]


@pytest.mark.parametrize("text", ["***", "&nbsp;", "[Drink]: https://a.example/x"])
def test_a_reminder_without_words_is_none(text: str) -> None:
    assert details(Contract(reminder_chars=49), text) == ["it has no words"]

from __future__ import annotations

import pytest

from harness.domain.confidence import level_of, unlabelled


def problems(text: str, disclaimer: str | None = None) -> list[str]:
    return [f"{particulars}{problem}" for _, problem, particulars in unlabelled(text, disclaimer)]


@pytest.mark.parametrize(
    ("percent", "word"), [(100, "high"), (70.1, "high"), (70, "medium"), (50, "medium"), (49, "low")]
)
def test_a_percentage_is_high_above_70_and_low_below_50(percent: float, word: str) -> None:
    assert level_of(percent) == word


@pytest.mark.parametrize(
    "label",
    [
        "confidence: high", "Confidence **medium**", "(confidence: low)", "high confidence", "confidence 65 %",
        "confidence: high (75 %)", "confidence: 75 % (high)", "65 % confidence", "confidence is low",
        "medium confidence, 55 %",
    ],
)  # fmt: skip
def test_a_label_is_read_in_the_ways_people_write_it(label: str) -> None:
    assert problems(f"## Judgement\n\nRates have peaked. {label}") == []


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("", "does not say how sure it is"),
        ("We are confident.", "does not say how sure it is"),
        ("confidence: high (60 %)", "high, and 60 % is medium: is as sure in words as it is not in percent"),
        ("low confidence (50 %)", "low, and 50 % is medium: is as sure in words as it is not in percent"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_said(label: str, problem: str) -> None:
    assert problems(f"## View on rates\n\nThey have peaked. {label}") == [problem]


def test_each_entry_and_paragraph_below_such_a_heading_needs_its_own() -> None:
    text = """\
# Judgement

In short:

- One. confidence: low
- Two.

Three. high confidence

### Rates

Four.

## Counter-argument

Five.

## Positions

- Six."""
    assert len(problems(text)) == 3, "two, four and six"


def test_facts_inside_of_a_judgement_and_the_disclaimer_need_none() -> None:
    text = "## Judgement\n\n### Facts\n\nOne.\n\n## Views\n\n*Research only.*"
    assert problems(text, "Research only.") == []
    assert len(problems(text)) == 1

"""The table of prompt sizes in the documents, and the promise that a prompt stays short."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.prompt_size import render, sizes

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_page_of_prompt_sizes_says_what_is_sent_today() -> None:
    found = sizes(ROOT)
    page = (ROOT / "docs" / "prompt-size.md").read_text(encoding="utf-8")
    assert render(found) == page, "write it anew: python -m bench.prompt_size > docs/prompt-size.md"
    near_empty, few_skills, many_skills, longest = (size.manifest.total_tokens for size in found)
    assert near_empty <= 1_000
    # All that the longest of a day's jobs is told, collected inputs and what is recalled included.
    assert longest < 20_000
    # Fifty times as many skills may not cost a prompt twice as much.
    assert many_skills < 1.5 * few_skills

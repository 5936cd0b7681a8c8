"""What stories of the sample world mean, as somebody judged them once."""

from __future__ import annotations

from harness.rehearsal.judgements import judged
from harness.rehearsal.prompt_inputs import PromptItem

FORGE = "http://forge.sample.test"


def item(path: str, why: str = "First sentence, 3.5 of them. A second one.", source: str = "A") -> PromptItem:
    return PromptItem(path.rpartition("/")[2], f"{FORGE}{path}", (source,), "2026-11-20", why)


def test_what_was_judged_says_why_and_the_rest_its_own_first_sentence_for_later() -> None:
    first, second = judged((item("/news/1"), item("/quillworks/quillgate/releases/tag/v0.43.1")), "", 5)
    assert (first.title, first.priority) == ("v0.43.1", "P1")
    assert "tool calls" in first.why
    assert (second.title, second.why, second.priority) == ("1", "First sentence, 3.5 of them.", "P2")


def test_sources_take_turns_and_no_more_are_told_than_asked_for() -> None:
    items = (item("/a1"), item("/a2"), item("/a3"), item("/b1", source="B"))
    assert [one.title for one in judged(items, "", 3)] == ["a1", "b1", "a2"]


def test_a_link_that_was_complained_about_is_left_out() -> None:
    assert [one.title for one in judged((item("/a1"), item("/a2")), f"drop {FORGE}/a1 then", 5)] == ["a2"]


def test_a_story_without_a_summary_says_so() -> None:
    assert judged((item("/a1", why=""),), "", 5)[0].why == "No summary was given."

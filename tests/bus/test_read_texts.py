"""Where the numbers of an answer may come from: what was asked, and what tools gave back, but not the model itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from harness.bus.brief import final_as_text
from harness.bus.read_texts import OWN_WORDS, texts_read
from harness.domain.message import Message, ToolCall
from harness.domain.request import Final, Request
from harness.domain.scratchpad import SCRATCHPAD
from harness.gate.results import file_name
from harness.tools.bus import HANDOFF, ON_REQUEST
from tests.bus.team_of import NOW

REQUEST = Request("r-1", "zoe", "scout", "Is it 1.5?", NOW + timedelta(hours=1), NOW, "k", acceptance=("over 2.5",))


def called(tool: str, result: str, arguments: str = "{}") -> tuple[Message, ...]:
    said = Message("assistant", "It is 9.9.", (ToolCall("call-1", tool, arguments),))
    return (said, Message("tool", result, tool_call_id="call-1"))


def test_what_was_asked_and_what_a_tool_gave_back_was_read_and_no_prompt_or_reply(tmp_path: Path) -> None:
    conversation = (Message("system", "At 60 %."), Message("user", "Rule 7.7."), *called("files.read", "It is 3.5."))
    assert texts_read(REQUEST, conversation, tmp_path) == ("Is it 1.5?", "over 2.5", "It is 3.5.")


@pytest.mark.parametrize("tool", sorted(OWN_WORDS))
def test_a_result_that_repeats_the_words_of_the_model_is_not_read(tmp_path: Path, tool: str) -> None:
    (tmp_path / file_name(tool, "call-1", "noted: 9.9")).write_text("noted: 9.9", encoding="utf-8")
    assert texts_read(REQUEST, called(tool, "noted: 9.9"), tmp_path) == ("Is it 1.5?", "over 2.5")


def test_a_model_that_counts_its_calls_anew_in_each_reply_has_read_the_results_of_the_earlier_ones(
    tmp_path: Path,
) -> None:
    conversation = (*called("files.read", "It is 3.5."), *called("finish", "9.9 is wrong"))
    assert texts_read(REQUEST, conversation, tmp_path)[2:] == ("It is 3.5.",)


def test_the_tools_that_end_a_request_or_keep_notes_repeat_the_words_of_the_model() -> None:
    assert {*ON_REQUEST, HANDOFF, SCRATCHPAD} <= OWN_WORDS


def test_of_the_answer_to_a_question_only_what_the_other_said_was_read(tmp_path: Path) -> None:
    final = Final("done", "It is 3.5.", actions=("Look at 4.5 again.",))
    asked = Request("r-2", "scout", "cook", "Is it 9.9?", NOW + timedelta(hours=1), NOW, "k", fallback="say 9.9")
    texts = texts_read(REQUEST, called("ask", final_as_text(final, asked)), tmp_path)
    assert "It is 3.5." in texts[-1]
    assert "4.5" in texts[-1]
    assert not any("9.9" in text for text in texts)


def test_a_result_that_was_taken_out_to_make_room_was_read_all_the_same(tmp_path: Path) -> None:
    whole = "It is 3.5."
    (tmp_path / file_name("files.read", "call-1", whole)).write_text(whole, encoding="utf-8")
    (tmp_path / "transcript.json").write_text("9.9", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("9.9", encoding="utf-8")
    assert texts_read(REQUEST, called("files.read", "[taken out]"), tmp_path)[2:] == ("[taken out]", whole)


def test_a_run_without_a_folder_has_read_what_it_was_asked(tmp_path: Path) -> None:
    assert texts_read(REQUEST, (), tmp_path / "none") == ("Is it 1.5?", "over 2.5")

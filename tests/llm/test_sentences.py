"""Text as sentences and words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.llm.sentences import is_whole, one_line, shorten, split_sentences, words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith left. She won.", ["Dr. Smith left.", "She won."]),
        ("Tools, e.g. Hammers, work. Yes.", ["Tools, e.g. Hammers, work.", "Yes."]),
        ("By J. Smith et al. Published today. Good.", ["By J. Smith et al. Published today.", "Good."]),
        ("Version 3.5 is out. It costs $1.50 now.", ["Version 3.5 is out.", "It costs $1.50 now."]),
        ("It runs on node.js apps. Fast.", ["It runs on node.js apps.", "Fast."]),
        ("approx. five of them. Done.", ["approx. five of them.", "Done."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("新模型发布。速度更快！真的？", ["新模型发布。", "速度更快！", "真的？"]),
        ("no end in sight", ["no end in sight"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet=st.sampled_from("aB .!?…。！\"')e.g3")))
def test_splitting_loses_nothing_but_spaces(text: str) -> None:
    line = one_line(text)
    assert "".join(split_sentences(line)).replace(" ", "") == line.replace(" ", "")


@given(st.text())
def test_one_line_is_one_line_that_can_be_written_anywhere(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    line.encode()


def test_characters_that_turn_the_reading_direction_are_left_out() -> None:
    assert one_line("safe\u202egnp.exe\u202c") == "safegnp.exe"


def test_words_are_folded_and_each_chinese_character_counts() -> None:
    assert words("GPT-5模型 läuft!") == ["gpt", "5", "模", "型", "läuft"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Done.", True),
        ('"Done."', True),
        ("完成。", True),
        ("cut off", False),
        ("cut off...", False),
        ("cut off…", False),
    ],
)
def test_a_text_that_was_cut_off_is_not_whole(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=9), min_size=1), st.integers(min_value=3, max_value=60))
def test_shortening_never_cuts_a_word_and_keeps_the_limit(parts: list[str], limit: int) -> None:
    text = " ".join(parts)
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or short.removesuffix(" …").split() == parts[: len(short.removesuffix(" …").split())]


def test_a_script_without_spaces_is_cut_between_characters() -> None:
    assert shorten("新模型发布速度更快", 6) == "新模型发 …"


def test_a_single_word_that_does_not_fit_leaves_nothing() -> None:
    assert shorten("x" * 50, 10) == ""

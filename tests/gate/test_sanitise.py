"""Text from outside, made safe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.sanitise import in_short, one_line, sanitise


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shell", "shell"),
        ("a\x00b\x08c", "abc"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("tab\tstays\n", "tab\tstays\n"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("hi\U000e0049\U000e0067", "hi"),
        ("in\u200bvisible", "invisible"),
        ("half \ud83d", "half \ufffd"),
        ("👩\u200d💻 می\u200cخواهم ❤\ufe0f", "👩\u200d💻 می\u200cخواهم ❤\ufe0f"),
    ],
)
def test_what_a_terminal_or_a_model_would_obey_unseen_is_gone(text: str, safe: str) -> None:
    assert sanitise(text) == safe


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_encodable_without_controls_and_stays_so(text: str) -> None:
    safe = sanitise(text)
    safe.encode()
    assert not [char for char in safe if unicodedata.category(char) == "Cc" and char not in "\n\t"]
    assert sanitise(safe) == safe


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_in_short_keeps_within_its_limit_and_says_what_it_leaves_out(text: str, limit_chars: int) -> None:
    shown, whole = in_short(text, limit_chars), one_line(text)
    assert len(shown) <= limit_chars
    assert shown == whole if len(whole) <= limit_chars else shown.endswith("…") and whole.startswith(shown[:-1])

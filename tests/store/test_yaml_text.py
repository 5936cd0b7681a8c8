"""YAML as we write it, read back by PyYAML: whatever a model or a feed says comes back as it was."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from harness.ports import Json
from harness.store.yaml_text import parse_yaml, render_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LINES = st.lists(st.sampled_from(["", " ", "a", "  b", "- c: d", "\tx", "...", "---", "# e", "|", "NO", "é\u0085f"]))
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
    | LINES.map("\n".join),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
@example({"a": ["x\n  y\n", {"b": "one\n\n\ntwo\n\n"}, [], {}, [["deep"]]], "NO": "NO", "": ""})
@example("12:30:45")
@example("2026-11-21 08:00")
@example("a: b")
@example("a #b")
@example("=")
@example("0x1f")
@example("1e3")
@example("a,b")
@example("key:")
@example("\ufeffbom")
@example('{"url": "https://a.example/"}')
@example("\"'")
@example(' "')
def test_what_is_written_is_read_back_as_it_was(value: Json) -> None:
    assert parse_yaml(render_yaml(value)) == value


@given(TEXTS | LINES.map("\n".join))
def test_another_reader_of_yaml_finds_the_same_texts(text: str) -> None:
    assert yaml.safe_load(render_yaml({"said": [text]})) == {"said": [text]}


def test_text_of_several_lines_stands_as_it_is_written() -> None:
    shown = render_yaml({"step": "model model-1", "said": "- [A](https://a.example/)\n\nB: 1 # not a comment\n"})
    assert shown == "step: model model-1\nsaid: |\n  - [A](https://a.example/)\n\n  B: 1 # not a comment\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a is given twice"),
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: [1\n", "line"),
        ("? [1, 2]\n: 3\n", "line 1: a key is not a word"),
        ("a: !!python/object:os.system x\n", "line 1"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_yaml(text)


def test_json_within_it_stays_legible() -> None:
    assert render_yaml({"arguments": '{"n": 1}'}) == "arguments: '{\"n\": 1}'\n"


def test_words_that_other_versions_of_yaml_read_as_something_else_stay_words() -> None:
    assert parse_yaml("country: NO\nat: 12:30:45\non: 2026-11-21\n") == {
        "country": "NO",
        "at": "12:30:45",
        "on": "2026-11-21",
    }

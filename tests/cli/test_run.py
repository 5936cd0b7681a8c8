from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.failures import Misused
from harness.cli.run import parse_inputs


def test_value_that_is_a_file_from_here_becomes_its_full_path(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text("<rss/>")
    inputs = parse_inputs(["feeds=feed.xml", "page=https://a.example/?x=1", "note=two words"], tmp_path)
    assert inputs == {
        "feeds": str((tmp_path / "feed.xml").resolve()),
        "page": "https://a.example/?x=1",
        "note": "two words",
    }


@pytest.mark.parametrize("pairs", [["feeds"], ["=x"], ["feeds="], ["a=1", "a=2"]])
def test_pair_that_cannot_be_meant_is_a_misuse(tmp_path: Path, pairs: list[str]) -> None:
    with pytest.raises(Misused):
        parse_inputs(pairs, tmp_path)


@given(value=st.text(min_size=1))
def test_any_text_can_be_a_value(value: str) -> None:
    assert parse_inputs([f"text={value}"], Path("/nowhere")) == {"text": value}

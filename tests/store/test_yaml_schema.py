"""One table for everybody who reads YAML: the two readers say the same of every plain scalar."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.store.yaml_text import parse_yaml
from harness.workspace.located_yaml import read_located_yaml
from harness.workspace.report import Report


def both(scalar: str) -> tuple[Any, Any]:
    located = read_located_yaml(f"key: {scalar}", Report("x.md"), name="it")
    assert located is not None
    return parse_yaml(f"key: {scalar}")["key"], located.value["key"]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("True", True), ("FALSE", False), ("yes", "yes"), ("NO", "NO"), ("on", "on"),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("+3", 3), ("1_000", "1_000"), ("12:30:45", "12:30:45"),
        (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("2026-11-21", "2026-11-21"), ("", None), ("~", None),
        ("NULL", None),
        (".inf", ".inf"), ("<<", "<<"), ("=", "="),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_the_core_schema_says(scalar: str, value: object) -> None:
    assert [(type(one), one) for one in both(scalar)] == [(type(value), value)] * 2


@given(
    st.text(st.sampled_from("0123456789+-.eExo~nNulLtrueTRUEfalsyYoO:_<="), max_size=6).filter(
        lambda text: text.strip()
    )
)
def test_the_two_readers_agree_on_every_plain_scalar(scalar: str) -> None:
    try:
        first = parse_yaml(f"key: {scalar}")
    except ValueError:
        return
    located = read_located_yaml(f"key: {scalar}", Report("x.md"), name="it")
    assert located is not None
    assert repr(located.value) == repr(first)

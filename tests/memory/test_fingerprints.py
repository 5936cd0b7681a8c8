"""The same mistake has the same fingerprint whenever it happens, and another mistake another one."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.memory.fingerprints import contract_fingerprint, correction_fingerprint, normalised, tool_fingerprint

ERRORS = (
    "files.read: there is no file {path}; files.list shows what there is",
    "run {id} of {path} was closed at {time} after {number} s",
    "{url} does not answer (waited {number} s)",
    "{time}: the table has {number} rows, none of them is '{id}'",
    "cannot connect to {url}: refused at {time}",
    "unknown field BUY_AMT in {path}, line {number}",
    "unknown field SELL_AMT in {path}, line {number}",
    "{path}:{number}: request {id} is not JSON",
)
"""Each is another mistake, whatever stands in its places."""

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-", min_size=1, max_size=12).map(lambda name: f"n{name}n")
FILLED = st.fixed_dictionaries(
    {
        "path": st.lists(NAMES, min_size=2, max_size=4).map("/".join).flatmap(lambda p: st.sampled_from((p, f"/{p}"))),
        "id": st.uuids().map(str) | st.integers(1, 10**9).map(lambda n: f"{n:x}0f0a1b2c"),
        "time": st.integers(10**9, 4 * 10**9).map(lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"),
        "number": st.integers(0, 10**6),
        "url": NAMES.map(lambda name: f"https://api.example.com/v1/{name}?q={name}"),
    }
)


@given(st.sampled_from(ERRORS), FILLED, FILLED)
def test_other_ids_paths_times_and_numbers_make_no_other_mistake(
    error: str, once: dict[str, object], again: dict[str, object]
) -> None:
    assert tool_fingerprint("feeds", error.format(**once)) == tool_fingerprint("feeds", error.format(**again))


@given(st.sampled_from(ERRORS), st.sampled_from(ERRORS), FILLED)
def test_two_mistakes_are_told_apart_though_they_name_the_same_things(
    one: str, other: str, filled: dict[str, object]
) -> None:
    fingerprints = (tool_fingerprint("feeds", text.format(**filled)) for text in (one, other))
    assert (len(set(fingerprints)) == 1) == (one == other)


def test_the_tool_and_the_kind_of_the_error_are_part_of_the_mistake() -> None:
    fingerprints = {
        tool_fingerprint("feeds", "no such list"),
        tool_fingerprint("web.read", "no such list"),
        tool_fingerprint("feeds", "no such list", "refused path"),
        tool_fingerprint("feeds", "no such list", "refused egress"),
    }
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("it answered with HTTP 404", "it answered with HTTP 500"),
        ("ended with exit code 1", "ended with exit code 2"),
        ("OSError: errno 13", "OSError: errno 28"),
        ("https://a.example.com/x is gone", "https://b.example.com/x is gone"),
    ],
)
def test_codes_and_hosts_tell_errors_apart(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("the field “total” is missing", "the field 'total' is missing."),
        ("No  such\nfile", "no such file"),
        (f"run {UUID(int=7)} ended", "run ERR-20261121-7f3a ended"),
        ("due Fri 20 Nov 07:15", "due Sat 5 Dec 17:40"),
        ("limit is at most 20, given 300", "limit is at most 50, given 70"),
    ],
)
def test_how_it_is_quoted_set_and_numbered_makes_no_difference(written: str, also: str) -> None:
    assert normalised(written) == normalised(also)


@given(st.text(max_size=5_000))
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert len(tool_fingerprint("feeds", text)) == len(contract_fingerprint("min_items", text)) == 64


def test_a_broken_promise_is_the_same_for_every_job_and_item() -> None:
    assert contract_fingerprint("min_items", "3 items, at least 8 needed") == contract_fingerprint(
        "min_items", "1 item (2 more do not count: their links were not collected), at least 5 needed"
    )
    assert contract_fingerprint(
        "every_item.url", "item 3 “Gold (again)” links https://a.example/1 which is not among the collected sources"
    ) == contract_fingerprint(
        "every_item.url", "item 12 “Oil” links https://a.example/2?x=1 which is not among the collected sources"
    )
    assert contract_fingerprint("min_items", "3 items, at least 8 needed") != contract_fingerprint(
        "max_items", "9 items, at most 8 allowed"
    )
    assert contract_fingerprint("must_include", "the text lacks “not advice”") != contract_fingerprint(
        "must_include", "the text lacks “sources”"
    )


@given(
    st.lists(st.sampled_from(["the", "Field", "BUY", "is", "12", "émigré"]), min_size=1), st.sampled_from("!?.,; \n")
)
def test_a_correction_is_recognised_by_its_words_alone(words: list[str], sign: str) -> None:
    assert correction_fingerprint(" ".join(words)) == correction_fingerprint(f"{sign} ".join(words).upper() + sign)
    assert correction_fingerprint(" ".join(words)) != correction_fingerprint(" ".join([*words, "not"]))

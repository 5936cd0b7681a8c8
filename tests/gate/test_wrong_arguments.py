"""What a model is told of arguments that do not fit, so that its next try does."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from harness.gate.caller import Caller
from harness.gate.permission import InvalidArguments, read_arguments
from harness.gate.registry import Arguments, Traits, define_tool
from harness.gate.wrong_arguments import nearest, short_form


class Order(Arguments):
    """An order of kettles."""

    name: str
    count: Annotated[int, Field(ge=1, le=9)] = 5
    colours: list[str] = Field(default_factory=list)
    priority: Literal["high", "low"] = "low"
    note: str | None = None


async def answer(arguments: Order, caller: Caller) -> str:
    return arguments.name


ORDER = define_tool("order.kettle", "Order.", Order, answer, Traits())


def said_of(text: str) -> str:
    with pytest.raises(InvalidArguments) as invalid:
        read_arguments(text, Order)
    return str(invalid.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"name": "x", "count": }', 'at line 1 column 24, right after "{\\"name\\": \\"x\\", \\"count\\": }"'),
        ('{"name": "x"', "they end too early: if your answer was cut, send less at a time"),
        ('{"name": "x",\n"count" 5}', 'expected `:` at line 2 column 9, right after "\\"count\\" 5"'),
        ("{'name': 'x'}", 'key must be a string at line 1 column 2, right after "{\'"'),
        ('{"näme": "ü" 5}', 'right after "{\\"näme\\": \\"ü\\" 5"'),
        ("[]", "the arguments must be one JSON object: Input should be an object, given an array"),
        ('"x"', "given a string"),
        ("null", "given null"),
        ('{"name": 5}', "name: Input should be a valid string; expected string, given 5"),
        ('{"name": "x", "count": "5"}', "expected integer, minimum 1, maximum 9, given a string"),
        ('{"name": "x", "count": 99}', "expected integer, minimum 1, maximum 9, given 99"),
        ('{"name": "x", "count": true}', "given true"),
        (
            '{"name": "x", "colours": "red"}',
            "colours: Input should be a valid array; expected array of strings, given a",
        ),
        ('{"name": "x", "colours": [1]}', "colours.0: Input should be a valid string, given 1"),
        ('{"name": "x", "priority": "urgent"}', 'expected "high" | "low", given a string'),
        ('{"name": "x", "note": 5}', "expected string or null, given 5"),
        ('{"nmae": "x"}', "name: Field required; expected string"),
        ('{"nmae": "x"}', "nmae: no such field, did you mean name? there are: name, count, colours, priority, note"),
        ('{"name": "x", "quux": 1}', "quux: no such field; there are: name,"),
    ],
)
def test_the_place_the_expected_and_the_given_are_named(text: str, says: str) -> None:
    assert says in said_of(text)


def test_what_was_given_as_text_is_not_said_again() -> None:
    assert "hunter2" not in said_of('{"name": "x", "count": "hunter2"}')


def test_of_many_problems_some_are_told_and_the_others_counted() -> None:
    told = said_of(json.dumps({f"field{number}": 1 for number in range(40)}))
    assert told.count("no such field") == 4
    assert told.endswith("; and 36 more")


def test_a_number_of_thousands_of_digits_is_a_number() -> None:
    assert "given a number of many digits" in said_of('{"name": ' + "9" * 4_000 + "}")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.text(max_size=30) | JSONS.map(json.dumps) | JSONS.map(lambda value: json.dumps({"name": value, "count": value}))
)
def test_whatever_a_model_writes_is_read_or_answered_in_words(text: str) -> None:
    try:
        read_arguments(text, Order)
    except InvalidArguments as error:
        assert str(error)


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        ("web_read", "web.read"),
        ("Web.Read", "web.read"),
        ("files.raed", "files.read"),
        ("read_file", "files.read"),
        ("zzz", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_the_nearest_name_is_the_one_that_was_meant(meant: str, found: str) -> None:
    assert nearest(meant, ["feeds", "web.read", "files.read", "files.list"]) == found


def test_a_tool_is_called_as_its_short_form_says() -> None:
    parameters: Any = ORDER.spec.schema.parameters
    assert short_form("order.kettle", parameters) == (
        "order.kettle(name: string, count?: integer, minimum 1, maximum 9, colours?: array of strings, "
        'priority?: "high" | "low", note?: string)'
    )

"""The pure decisions of the gate."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from harness.domain.errors import Refused
from harness.domain.message import ToolSchema
from harness.domain.tool import Claim, ToolSpec
from harness.gate.caller import Caller
from harness.gate.permission import InvalidArguments, permitted_tool, read_arguments
from harness.gate.registry import Arguments, Tool, ToolRegistry, Traits, define_tool


class Search(Arguments):
    query: str
    limit: Annotated[int, Field(ge=1, le=9)] = 5


async def answer(arguments: Search, caller: Caller) -> str:
    return arguments.query


SEARCH = define_tool("search", "Search.", Search, answer, Traits())


def refusal(name: str, tool: Tool | None, granted: frozenset[str]) -> Refused:
    with pytest.raises(Refused) as refused:
        permitted_tool(name, tool, granted)
    return refused.value


def test_a_granted_tool_is_permitted() -> None:
    assert permitted_tool("search", SEARCH, {"search"}) is SEARCH


def test_a_tool_that_is_not_granted_is_refused_and_the_granted_ones_named() -> None:
    refused = refusal("search", SEARCH, frozenset({"feeds", "web.read"}))
    assert (refused.rule, refused.reason) == (
        "not-granted",
        "search is not granted to you; your tools: feeds, web.read",
    )


def test_a_tool_that_does_not_exist_is_refused_even_if_granted() -> None:
    assert refusal("serach", None, frozenset({"serach"})).rule == "unknown-tool"


@pytest.mark.parametrize("name", ["shell", "bash", "Bash", "run_script", "python", "hook"])
def test_what_runs_code_is_refused_by_name_because_there_is_no_sandbox(name: str) -> None:
    refused = refusal(name, None, frozenset({name}))
    assert refused.rule == "no-sandbox"
    assert "no sandbox" in refused.reason


def test_a_tool_whose_effect_is_to_execute_is_refused_whatever_its_name() -> None:
    tool = Tool(ToolSpec(ToolSchema("format", "Format.", {}), effect="execute"), Search, answer)
    assert refusal("format", tool, frozenset({"format"})).rule == "no-sandbox"


def test_valid_arguments_are_read() -> None:
    assert read_arguments('{"query": "x", "limit": 2}', Search) == Search(query="x", limit=2)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_arguments_at_all_are_an_empty_object(text: str) -> None:
    class Nothing(Arguments):
        pass

    assert read_arguments(text, Nothing) == Nothing()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"query": ', "the arguments must be one JSON object: Invalid JSON: EOF while parsing"),
        ("[]", "the arguments must be one JSON object"),
        ("null", "the arguments must be one JSON object"),
        ('{"query": "x"} and more', "Invalid JSON: trailing characters"),
        ("{}", "query: Field required; expected string"),
        ('{"query": 5}', "query: Input should be a valid string; expected string"),
        ('{"query": "x", "limit": "5"}', "limit: Input should be a valid integer; expected integer"),
        ('{"query": "x", "limit": true}', "limit: Input should be a valid integer; expected integer"),
        ('{"query": "x", "limit": 99}', "limit: Input should be less than or equal to 9; expected integer"),
        ('{"query": "x", "q": "y"}', "q: no such field; there are: query, limit"),
        ('{"query": "\ud800"}', "unable to parse raw data as a unicode string"),
        ('{"query": "\\ud800"}', "the arguments must be one JSON object: Invalid JSON"),
        pytest.param("[" * 100_000, "Invalid JSON: recursion limit", id="nested"),
        pytest.param(" " * 1_000_001, "longer than 1,000,000 characters", id="long"),
    ],
)
def test_wrong_arguments_are_named_with_field_problem_and_type(text: str, says: str) -> None:
    with pytest.raises(InvalidArguments) as invalid:
        read_arguments(text, Search)
    assert says in str(invalid.value)


def test_many_problems_are_told_at_once_but_not_without_end() -> None:
    with pytest.raises(InvalidArguments) as invalid:
        read_arguments("{" + ",".join(f'"f{number}": 1' for number in range(1_000)) + "}", Search)
    assert str(invalid.value).count(";") < 12


def test_a_schema_tells_types_and_limits_and_no_more() -> None:
    assert SEARCH.spec.schema.parameters == {
        "additionalProperties": False,
        "properties": {
            "query": {"type": "string"},
            "limit": {"default": 5, "maximum": 9, "minimum": 1, "type": "integer"},
        },
        "required": ["query"],
        "type": "object",
    }


def test_a_field_that_is_called_title_stays_in_the_schema() -> None:
    class Titled(Arguments):
        title: str

    async def run(arguments: Titled, caller: Caller) -> str:
        return arguments.title

    tool = define_tool("t", "T.", Titled, run, Traits())
    assert tool.spec.schema.parameters["properties"] == {"title": {"type": "string"}}


def test_two_tools_of_one_name_are_a_mistake_of_the_code() -> None:
    with pytest.raises(ValueError, match="two tools are named search"):
        ToolRegistry((SEARCH, SEARCH))


def test_schemas_are_given_in_the_order_asked_for() -> None:
    other = define_tool("other", "Other.", Search, answer, Traits())
    registry = ToolRegistry((SEARCH, other))
    assert [schema.name for schema in registry.schemas(("other", "none", "search"))] == ["other", "search"]


def test_what_reads_needs_nothing_for_itself_what_acts_needs_all_unless_the_tool_says_otherwise() -> None:
    def claimed(traits: Traits) -> Claim:
        tool = define_tool("t", "T.", Search, answer, traits)
        return tool.claim(Search(query="x"))

    assert claimed(Traits()) == frozenset()
    assert claimed(Traits(effect="write")) is None
    assert claimed(Traits(effect="external")) is None
    assert claimed(Traits(effect="write", claims=lambda arguments: frozenset((arguments.query,)))) == frozenset("x")
    assert define_tool("t", "T.", Search, answer, Traits(claims=lambda arguments: None)).runs_alone(Search(query="x"))


def test_a_default_that_is_nothing_is_not_told() -> None:
    class Sparse(Arguments):
        text: str = ""
        kind: str | None = None
        names: list[str] = Field(default_factory=list)
        flag: bool = False
        count: int = 0

    async def run(arguments: Sparse, caller: Caller) -> str:
        return ""

    assert define_tool("t", "T.", Sparse, run, Traits()).spec.schema.parameters["properties"] == {
        "text": {"type": "string"},
        "kind": {"type": "string"},
        "names": {"items": {"type": "string"}, "type": "array"},
        "flag": {"type": "boolean"},
        "count": {"default": 0, "type": "integer"},
    }

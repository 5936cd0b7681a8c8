"""A model that answers from a file."""

import asyncio
import json
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, Usage
from harness.domain.settings import Profile
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.scripted import ScriptedFileModel

SCRIPT = """\
# What the scout says.
- when: broken link
  text: I leave it out.
- calls:
    - name: web.read
      arguments: {url: https://example.com, deep: NO}
    - {name: wait}
- text: |
    Two things changed.
  usage: {input: 900, cached: 400, output: 30, cache_write: 10}
- text: and so
  finish: length
- Good night.
"""


def ask(root: Path, number: int | None, *, told: str = "Hello", model: ScriptedFileModel | None = None) -> ModelReply:
    profile = Profile("rehearsal", "scripted", script="answers.yaml", input_usd_per_mtok=1.0)
    request = ModelRequest((Message("user", told),), key="" if number is None else f"cron:a/b:1/model-{number}")
    return asyncio.run((model or ScriptedFileModel(profile, root)).complete(request))


def written(tmp_path: Path, text: str = SCRIPT) -> Path:
    (tmp_path / "answers.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_calls_of_a_run_are_answered_in_order_whoever_asks_again(tmp_path: Path) -> None:
    root = written(tmp_path)
    asked = [ask(root, number) for number in (1, 2, 2, 4)]

    assert asked[0].tool_calls == (
        ToolCall("call_2_1", "web.read", '{"url": "https://example.com", "deep": "NO"}'),
        ToolCall("call_2_2", "wait", "{}"),
    )
    assert (asked[0].finish, asked[0].model, asked[0].profile) == ("tool_calls", "answers.yaml", "rehearsal")
    assert [reply.text for reply in asked[1:]] == ["Two things changed.\n", "Two things changed.\n", "Good night."]
    assert asked[1].usage == Usage(900, 400, 30, 10)
    assert ask(root, 3).finish == "length"


def test_nothing_of_it_costs_anything_and_tokens_are_estimated_where_none_are_given(tmp_path: Path) -> None:
    reply = ask(written(tmp_path), 4)
    assert reply.cost_usd == 0.0
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0


def test_an_entry_may_wait_for_words_and_is_then_no_part_of_the_order(tmp_path: Path) -> None:
    root = written(tmp_path)
    assert ask(root, 1, told="There is a broken link.").text == "I leave it out."
    assert ask(root, 7, told="There is a broken link.").text == "I leave it out."
    assert ask(root, 2, told="There is a link.").text == "Two things changed.\n"


def test_calls_outside_of_a_run_are_counted_by_the_model_itself(tmp_path: Path) -> None:
    model = ScriptedFileModel(Profile("r", "scripted", script="answers.yaml"), written(tmp_path, "- one\n- two\n"))
    assert [ask(tmp_path, None, model=model).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(OwnerError, match="call 3 of the run"):
        ask(tmp_path, None, model=model)


def test_json_is_read_as_well(tmp_path: Path) -> None:
    script = json.dumps([{"text": "one"}, {"calls": [{"name": "wait", "id": "c1", "arguments": "{broken"}]}], indent=2)
    root = written(tmp_path, script)
    assert ask(root, 1).text == "one"
    assert ask(root, 2).tool_calls == (ToolCall("c1", "wait", "{broken"),)


def test_a_script_that_is_used_up_says_where_it_ends(tmp_path: Path) -> None:
    with pytest.raises(OwnerError) as caught:
        ask(written(tmp_path), 5)
    assert str(caught.value) == (
        "answers.yaml:13: the script has no answer to call 5 of the run; add an entry with its text or its calls"
    )
    assert (caught.value.cause, caught.value.failure) == ("profile rehearsal", "rejected")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "answers.yaml:1: the script has no answer to call 1"),
        ("text: hello", "answers.yaml:1: the script is not a list"),
        ("- text: a\n- txt: b\n", "answers.yaml:2: unknown key 'txt'; did you mean 'text'?"),
        ("- text: a\n- 3\n", "answers.yaml:2: here should be one of when, text"),
        ("- text: a\n- usage: {input: 1}\n", "answers.yaml:2: the entry says nothing"),
        ("- text: 3\n", "answers.yaml:1: text is not text"),
        ("- text: a\n  finish: tool_calls\n", "answers.yaml:2: finish is tool_calls and there are 0 calls"),
        ("- text: a\n  finish: stoped\n", "answers.yaml:2: finish is 'stoped'; did you mean 'stop'?"),
        ("- calls:\n    - arguments: {}\n", "answers.yaml:2: a call has no name"),
        ("- calls: wait\n", "answers.yaml:1: calls is not a list"),
        ("- text: a\n  usage: {input: -1}\n", "answers.yaml:2: input is below zero"),
        ("- text: a\n  usage: {input: many}\n", "answers.yaml:2: input is not a whole number"),
        ("- text: a\n  text: b\n", "answers.yaml:2: text is given twice, first in line 1"),
        ("- text: [a\n", "the script is not YAML"),
    ],
)
def test_what_is_wrong_in_a_script_is_said_with_its_line(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(OwnerError) as caught:
        ask(written(tmp_path, script), 1)
    assert said in str(caught.value)


def test_a_script_that_is_not_there_is_the_persons_to_write(tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'rehearsal' plays answers\.yaml, which cannot be"):
        ask(tmp_path, 1)


def test_a_profile_opens_it_and_it_counts_as_a_language_model(tmp_path: Path) -> None:
    async def no_wait(seconds: float) -> None:
        """Return at once."""

    context = AdapterContext({}, written(tmp_path), no_wait, lambda: 0.0)
    model = open_model(Profile("r", "scripted", model="the-scout", script="answers.yaml"), context)
    assert (model.label, model.is_language_model) == ("the-scout", True)

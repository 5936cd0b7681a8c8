"""Requests and answers as Markdown files: read strictly, and refused with file, line, problem and fix."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.files.request_file import (
    AnswerFile,
    AnswerShape,
    AskFile,
    AskShape,
    parse_due,
    parse_request_file,
    read_request_file,
)
from harness.bus.sending import Ask
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.request import Final, Watch
from harness.domain.workspace import Workspace
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report
from tests.bus.team_of import NOW, team_of


def workspace() -> Workspace:
    team = team_of("zoe", "scout").workspace
    scan = Job(agent="scout", name="scan", path="", schedules=(), zone="UTC")
    return replace(team, agents={**team.agents, "scout": replace(team.agents["scout"], jobs={"scan": scan})})


def parse(text: str) -> AskFile | AnswerFile:
    return parse_request_file(text, "inbox/x.md", workspace(), NOW)


def refusal(text: str) -> str:
    with pytest.raises(OwnerError) as refused:
        parse(text)
    return str(refused.value)


def test_a_file_with_a_receiver_and_a_task_is_a_request_of_the_person() -> None:
    assert parse("---\nto: scout\n---\n\nCount the kettles.\n") == AskFile(
        Ask("user", "scout", "Count the kettles.", "")
    )


def test_everything_that_a_request_may_say_can_be_said_in_the_file() -> None:
    text = """---
to: scout
from: zoe
due: 2h
priority: high
background: They were five yesterday.
expect: a number
accept: [it is exact, it names the room]
inputs: shared-context/intel/kettles.md
fallback: I count them myself
key: kettles-2026-11
watch: {file: "intel/*.md"}
---
Count the kettles.

All of them.
"""
    assert parse(text) == AskFile(
        Ask(
            "zoe", "scout", "Count the kettles.\n\nAll of them.", "kettles-2026-11",
            due_at=NOW + timedelta(hours=2), background="They were five yesterday.",
            inputs=("shared-context/intel/kettles.md",), expected_output="a number",
            acceptance=("it is exact", "it names the room"), fallback="I count them myself", priority="high",
            watch=Watch(file="intel/*.md"),
        )
    )  # fmt: skip


def test_every_key_of_a_file_stands_on_its_page() -> None:
    page = (Path(__file__).parents[3] / "docs/request-files.md").read_text()
    keys = [field.alias or name for shape in (AskShape, AnswerShape) for name, field in shape.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_a_file_may_answer_a_request_that_waits_for_the_person() -> None:
    text = "---\nanswers: r-abc\nresult: rejected\nevidence: notes/x.md\nactions: [ask again in May]\n---\nNot now.\n"
    final = Final("rejected", "Not now.", actions=("ask again in May",))
    assert parse(text) == AnswerFile("r-abc", final, ("notes/x.md",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Count.", "inbox/x.md:1: the file has no front matter; begin it with a line ---"),
        ("---\nto: scout\n", "inbox/x.md:1: the front matter has no end"),
        ("---\nfrom: zoe\n---\nCount.", "to is missing; add to"),
        ("---\nto: scuot\n---\nCount.", "inbox/x.md:2: unknown agent 'scuot'; did you mean 'scout'?"),
        ("---\nto: scout\nfrom: zeo\n---\nCount.", "inbox/x.md:3: unknown agent 'zeo'; did you mean 'zoe'?"),
        ("---\nto: scout\nfrom: scout\n---\nCount.", "inbox/x.md:2: scout would ask itself"),
        ("---\nto: scout\nurgency: 1\n---\nCount.", "inbox/x.md:3: unknown key 'urgency'"),
        ("---\nto: scout\npriority: hihg\n---\nCount.", "inbox/x.md:3: priority is 'hihg'; did you mean 'high'?"),
        ("---\nto: scout\n---\n\n", "nothing is asked for; write the task below"),
        ("---\nto: scout\ndue: 3\n---\nCount.", "inbox/x.md:3: due: 3 is not a moment; write 2h"),
        ("---\nto: scout\ndue: soon\n---\nCount.", "inbox/x.md:3: due: 'soon' is not a moment"),
        ("---\nto: scout\ndue: 2026-11-20\n---\nCount.", "inbox/x.md:3: due: '2026-11-20' has passed"),
        ("---\nto: scout\nto: zoe\n---\nCount.", "inbox/x.md:3: to is given twice, first in line 2"),
        ("---\nto: scout\nwatch: {file: a, job: scout/scan}\n---\nC.", ":3: watch names not exactly one thing"),
        ("---\nto: scout\nwatch: {job: scout/scna}\n---\nC.", ":3: unknown job 'scout/scna'; did you mean"),
        ("---\nto: scout\nwatch: {file: ../x}\n---\nC.", ":3: '../x' lies outside of the workspace"),
        ("---\nanswers: r-abc\nresult: cancelled\n---\nNo.", "inbox/x.md:3: result is 'cancelled'"),
        ("---\nanswers: r-abc\n---\n", "the answer says nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_line_problem_and_fix(text: str, said: str) -> None:
    assert said in refusal(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusal("---\nto: scuot\npriority: hihg\n---\n")
    assert all(word in told for word in ("scuot", "hihg", "nothing is asked for"))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("90m", datetime(2026, 11, 21, 17, 30, tzinfo=UTC)),
        ("18:00", datetime(2026, 11, 21, 17, 0, tzinfo=UTC)),
        ("9:30", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, 22, 59, tzinfo=UTC)),
        ("2026-11-22 09:00", datetime(2026, 11, 22, 8, 0, tzinfo=UTC)),
        ("2026-11-22T09:00Z", datetime(2026, 11, 22, 9, 0, tzinfo=UTC)),
        ("2026-11-22 09:00+09:00", datetime(2026, 11, 22, 0, 0, tzinfo=UTC)),
    ],
)
def test_due_is_read_as_people_write_it_at_home(written: str, moment: datetime) -> None:
    assert parse_due(written, NOW, "Europe/Berlin") == moment


@pytest.mark.parametrize(
    "written", ["", "s", "tomorrow", "25:00", "2026-13-01", "0h", "9999-12-31", "2026-11-21 16:00Z"]
)
def test_a_due_time_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(BadValue):
        parse_due(written, NOW, "UTC")


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_a_due_time(written: str) -> None:
    with suppress(BadValue):
        assert parse_due(written, NOW, "Europe/Berlin") > NOW


@given(st.one_of(st.text(max_size=300), st.text(max_size=200).map(lambda text: f"---\nto: scout\n{text}\n---\n{text}")))
def test_no_file_breaks_the_reader_and_none_is_both_used_and_faulty(text: str) -> None:
    report = Report("x.md")
    parsed = read_request_file(text, workspace(), report, now=NOW)
    assert (parsed is None) == report.has_errors


TASKS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1).filter(lambda text: text.strip() == text)


@given(st.lists(TASKS, min_size=1, max_size=5))
def test_the_task_arrives_as_it_was_written(lines: list[str]) -> None:
    task = "\n".join(lines)
    parsed = parse(f"---\nto: scout\n---\n{task}\n")
    assert isinstance(parsed, AskFile)
    assert parsed.ask.task == task

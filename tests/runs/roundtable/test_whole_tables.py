"""Whole roundtables over a model server on loopback: snapshot, rounds behind their barrier, conclusion, minutes."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from harness.bus.log import standing_of
from harness.bus.roundtables import table_id_of
from harness.domain.message import ToolCall
from harness.domain.request import Standing
from harness.domain.roundtable import seat_of
from harness.domain.run import Fire, FireState
from harness.ports import Engine, RecordedStep
from harness.pytest_plugin import NOW, Workbench
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.tables import request
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import Models, agent, tool

EIGHT = NOW + timedelta(minutes=1)
RUN = f"cron:zoe/table:{int(EIGHT.timestamp())}"
TABLE = "roundtable: {speakers: [macro, trading], rounds: 2, due: 20m}"
RISE = "Rates rise.\n\n- **SPX** short, stop 5100\n# Not a heading of the minutes"
FALL = "Rates fall; I am alone with that."
CONCLUSION = "macro and trading disagree: rates rise, or fall."


def position(text: str, verdict: str = "PASS") -> ToolCall:
    return tool("finish", {"conclusion": text, "verdict": verdict})


def chair(front: str = TABLE, body: str = "Conclude what was said.") -> dict[str, str | None]:
    """The job zoe/table, which reads a feed and delivers."""
    front = f"schedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\ntitle: Where do rates go?\n{front}"
    return {"agents/zoe/jobs/table.md": f"---\n{front}\n---\n{body}\n"}


class TableModels(Models):
    """As a chair an agent may say something else than at a table: which of the two it is asked first is not said."""

    def answer(self, request: ChatRequest) -> ChatAnswer:
        system, asked = (message["content"] for message in request.messages[:2])
        name = next(name for name in self.says if f"You are {name}." in system)
        as_chair = f"{name}, chair"
        says = self.says[name if "# Request r-" in asked or as_chair not in self.says else as_chair]
        self.heard.append((name, request))
        return says.pop(0)


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = TableModels()
    with OpenAIServer(models.answer) as server:
        agents = {**agent("zoe", "macro"), **agent("macro", "zoe", "trading"), **agent("trading", "zoe", "macro")}
        workbench.write({**with_model(server), **agents, **chair(), "agents/scout/jobs/morning.md": None})
        workbench.serve_stories(2)
        yield models


def both(*texts: str) -> dict[str, list[ChatAnswer]]:
    """What each speaker says in each round."""
    return {"macro": [call_tools(position(texts[0])), call_tools(position(texts[0] + " Still."))],
            "trading": [call_tools(position(texts[1])), call_tools(position(texts[1] + " Still."))]}  # fmt: skip


def seats(workbench: Workbench) -> list[Standing]:
    """Return what was asked at tables, by round and speaker."""
    with workbench.system.database.read() as connection:
        ids = connection.execute(select(request.c.id).where(request.c.key.startswith("roundtable "))).scalars()
        found = [standing_of(connection, one) for one in ids]
    return sorted(found, key=lambda one: one.request.key)


def fire(workbench: Workbench, job_id: str = "zoe/table") -> Fire:
    (found,) = [one for one in workbench.fires() if one.job_id == job_id]
    return found


def minutes(workbench: Workbench, name: str = "2026-11-21-table.md") -> str:
    return (workbench.root / "shared-context/roundtables" / name).read_text(encoding="utf-8")


def mirrored(workbench: Workbench) -> str:
    """Return all that the mirrors of the requests say now."""
    workbench.system.mirrors.look(workbench.clock.now())
    folders = (workbench.root / "shared-context" / name for name in ("job-status", "dispatches"))
    return "".join(path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.iterdir()))


def steps_of(engine: Engine, run_id: str) -> tuple[RecordedStep, ...]:
    """Return the steps of a run that is over; its last one is recorded a moment after its fire was closed."""
    pause = threading.Event()
    for _ in range(1500):
        if engine.state(run_id) == "ended":
            break
        pause.wait(0.02)
    return engine.recorded(run_id)


def heard_by(models: Models, name: str) -> list[str]:
    """Return the prompts of an agent, one text for each call of its model."""
    return [json.dumps(asked.messages, ensure_ascii=False) for who, asked in models.heard if who == name]


def test_all_see_one_snapshot_hear_the_others_after_the_round_and_the_chair_concludes(
    workbench: Workbench, models: Models
) -> None:
    models.says = {**both(RISE, FALL), "zoe": [say(CONCLUSION)]}
    workbench.tick_at(EIGHT)
    found = fire(workbench)
    assert (found.state, found.reason) == (FireState.DELIVERED, "")
    asked = [one.request for one in seats(workbench)]
    assert [(one.receiver, one.key.split()[2]) for one in asked] == [
        ("macro", "1"), ("trading", "1"), ("macro", "2"), ("trading", "2"),
    ]  # fmt: skip
    assert len({one.id for one in asked}) == 4
    snapshot = (workbench.system.state.run_folder(str(found.run_id)) / "snapshot.md").read_bytes()
    assert b"A kettle learned to sing" in snapshot
    digest = hashlib.sha256(snapshot).hexdigest()
    assert all(digest in one.task for one in asked)
    assert [one.background.encode() for one in asked[:2]] == [snapshot] * 2
    assert asked[2].background == asked[3].background
    assert asked[2].background.encode().endswith(snapshot)
    assert RISE in asked[2].background
    assert FALL in asked[2].background
    for speaker, other in (("macro", FALL), ("trading", "Rates rise.")):
        first, second = heard_by(models, speaker)
        assert other not in first
        assert other in second
    (concluding,) = heard_by(models, "zoe")
    assert "Rates rise." in concluding
    assert "Rates fall; I am alone with that. Still." in concluding
    assert "A kettle learned to sing" in concluding


def test_the_order_of_steps_is_the_one_of_this_workflow_version(workbench: Workbench, models: Models) -> None:
    """If this fails, the order of steps has changed: raise WORKFLOW_VERSION, then change the lists."""
    models.says = {**both(RISE, FALL), "zoe": [say(CONCLUSION)]}
    workbench.tick_at(EIGHT)
    taken = [
        [f"{step.kind} {step.call_id}" for step in steps_of(workbench.system.engine, f"{RUN}{number}")]
        for number in ("", ".2", ".3")
    ]
    assert (WORKFLOW_VERSION, taken) == (
        2,
        [
            ["begin begin", "collect collect", "roundtable after-0", "close close"],
            ["begin begin", "resume resume", "roundtable after-1", "close close"],
            [
                "begin begin", "resume resume", "roundtable after-2", "assemble prompt", "model model-1",
                "check check-1", "publish publish", "roundtable minutes", "deliver deliver", "close close",
            ],
        ],
    )  # fmt: skip


def test_the_minutes_quote_everybody_word_for_word_whatever_the_conclusion_says(
    workbench: Workbench, models: Models
) -> None:
    models.says = {**both(RISE, FALL), "zoe": [say("All is well, thinks macro.")]}
    workbench.tick_at(EIGHT)
    found, text = fire(workbench), minutes(workbench)
    assert (found.state, found.gaps) == (FireState.DEGRADED, 1)
    assert "does not mention trading" in found.reason
    assert "\n> Rates rise.\n>\n> - **SPX** short, stop 5100\n> # Not a heading of the minutes Still.\n" in text
    assert f"\n> {FALL}\n" in text
    assert "> All is well, thinks macro." in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Conclusion",
        "## Round 2, called 08:00:00, due 08:20:00",
        "## Round 1, called 08:00:00, due 08:20:00",
    ]
    speakers = [line for line in text.splitlines() if line.startswith("### ")]
    ids = [one.request.id for one in seats(workbench)]
    assert speakers == [
        f"### {name}, 08:00:00 ({one}), in its own judgement PASS"
        for name, one in zip(("macro", "trading") * 2, (*ids[2:], *ids[:2]), strict=True)
    ]
    snapshot = (workbench.system.state.run_folder(str(found.run_id)) / "snapshot.md").read_bytes()
    assert f"- snapshot: sha256 {hashlib.sha256(snapshot).hexdigest()}, {len(snapshot):,} bytes, .harness/" in text
    assert "- absent: nobody" in text
    assert f"- chair: zoe; job zoe/table, run {RUN}\n" in text
    (page,) = workbench.delivered()
    delivered = page.read_text(encoding="utf-8")
    assert "Minutes of the roundtable: shared-context/roundtables/2026-11-21-table.md" in delivered
    assert "> Rates fall; I am alone with that. Still." in delivered
    assert delivered.index("All is well") < delivered.index("Rates fall; I am alone")


def test_who_fails_is_named_as_absent_and_the_table_goes_on_with_who_spoke(
    workbench: Workbench, models: Models
) -> None:
    reject = tool("reject", {"reason": "I hold no view"})
    models.says = {
        "macro": [call_tools(position(RISE)), call_tools(position(RISE))],
        "trading": [call_tools(reject), say("")],
        "zoe": [say("Only macro spoke.")],
    }
    workbench.tick_at(EIGHT)
    found, text = fire(workbench), minutes(workbench)
    assert (found.state, found.gaps) == (FireState.DEGRADED, 2)
    assert "- absent: trading was absent in round 1: rejected: I hold no view" in text
    assert "- absent: trading was absent in round 2: failed: the answer was empty" in text
    assert "(absent: rejected: I hold no view)" in heard_by(models, "macro")[1]


def test_who_is_late_is_named_as_absent_and_is_no_dead_letter(workbench: Workbench, models: Models) -> None:
    # It asks the person, who never answers.
    asks = tool("ask", {"to": "user", "task": "what do you think?", "wait": True})
    workbench.write(agent("trading", "user"))
    workbench.write(chair(TABLE.replace("rounds: 2", "rounds: 1")))
    models.says = {"macro": [call_tools(position(RISE))], "trading": [call_tools(asks)], "zoe": [say("macro alone.")]}
    workbench.tick_at(EIGHT)
    assert fire(workbench).state is FireState.SUSPENDED
    assert "Rates rise" not in mirrored(workbench), "macro is done, and the round is not"
    workbench.tick_at(EIGHT + timedelta(minutes=20))
    assert "Rates rise" in mirrored(workbench)
    found = fire(workbench)
    assert found.state is FireState.DEGRADED
    assert "trading was absent in round 1: late: no final came by 2026-11-21 16:20 UTC" in found.reason
    assert all(not one.is_dead_letter and one.dead is None for one in seats(workbench))


def test_a_table_at_which_nobody_speaks_breaks_up_and_says_so(workbench: Workbench, models: Models) -> None:
    reject = call_tools(tool("reject", {"reason": "no view"}))
    models.says = {"macro": [reject], "trading": [reject]}
    workbench.tick_at(EIGHT)
    found = fire(workbench)
    assert found.state is FireState.FAILED
    assert found.reason.startswith("the roundtable broke up: 0 of 2 spoke in the first round, and 1 had to; macro was")
    assert "> None: the roundtable broke up" in minutes(workbench)
    assert len(seats(workbench)) == 2, "no second round was called"


def test_without_enough_speakers_the_job_is_skipped_and_asks_nobody(workbench: Workbench, models: Models) -> None:
    gone = {
        f"agents/{name}/{file}": None
        for name in ("macro", "trading")
        for file in ("SOUL.md", "AGENTS.md", "agent.toml")
    }
    workbench.write({**gone, **agent("zoe")})
    for name in ("macro", "trading"):
        (workbench.root / "agents" / name).rmdir()
    workbench.tick_at(EIGHT)
    found = fire(workbench)
    assert found.state is FireState.SKIPPED
    assert found.reason == "there are no agents macro, trading to speak at the roundtable, and 1 had to"
    assert seats(workbench) == []


def test_one_speaker_who_was_left_out_is_absent_and_the_other_speaks(workbench: Workbench, models: Models) -> None:
    workbench.write({f"agents/trading/{file}": None for file in ("SOUL.md", "AGENTS.md", "agent.toml")})
    (workbench.root / "agents/trading").rmdir()
    workbench.write({**agent("macro", "zoe"), **chair(TABLE.replace("rounds: 2", "rounds: 1"))})
    models.says = {"macro": [call_tools(position(RISE))], "zoe": [say("macro alone.")]}
    workbench.tick_at(EIGHT)
    assert fire(workbench).reason == "trading was absent in round 1: there is no agent trading"


def test_a_preview_asks_nobody(workbench: Workbench, models: Models) -> None:
    found = workbench.run("zoe/table", preview=True)
    assert (found.state, found.is_preview) == (FireState.SKIPPED, True)
    assert seats(workbench) == []


def test_without_a_language_model_the_job_is_skipped(workbench: Workbench, models: Models) -> None:
    extractive = '[profiles.cheap]\nadapter = "extractive"\n'
    settings = re.sub(r"\[profiles.cheap\].*?\n\n", f"{extractive}\n", str(with_model_text(workbench)), flags=re.DOTALL)
    workbench.write({"harness.toml": settings})
    workbench.tick_at(EIGHT)
    found = fire(workbench)
    assert found.state is FireState.SKIPPED
    assert "a roundtable is not concluded by selecting items" in found.reason


def with_model_text(workbench: Workbench) -> str:
    return (workbench.root / "harness.toml").read_text(encoding="utf-8")


def test_a_template_concludes_from_what_was_said(workbench: Workbench, models: Models) -> None:
    workbench.write({"agents/zoe/jobs/table.template.md": "The table said:\n\n{{ inputs.roundtable }}\n"})
    extractive = '\n[profiles.plain]\nadapter = "extractive"\n'
    workbench.write({"harness.toml": with_model_text(workbench) + extractive})
    one_round = TABLE.replace("rounds: 2", "rounds: 1")
    front = f"{one_round}\nprofile: plain\nwithout_model: template\ntemplate: table.template.md"
    workbench.write(chair(front))
    models.says = both(RISE, FALL)
    workbench.tick_at(EIGHT)
    assert fire(workbench).state is FireState.DELIVERED
    assert "Rates fall; I am alone with that." in workbench.delivered()[0].read_text(encoding="utf-8")


def test_a_conclusion_that_fails_leaves_the_minutes_with_all_that_was_said(
    workbench: Workbench, models: Models
) -> None:
    models.says = {**both(RISE, FALL), "zoe": [say("")]}
    workbench.tick_at(EIGHT)
    assert fire(workbench).state is FireState.FAILED
    text = minutes(workbench)
    assert "> None was delivered: the answer was empty." in text
    assert f"\n> {FALL}\n" in text


def test_what_is_wrong_in_a_position_by_the_contract_of_the_chair_is_named_beside_it(
    workbench: Workbench, models: Models
) -> None:
    contract = "contract: {numbers: collected, signals: {stop: required}}"
    workbench.write(chair(f"{TABLE.replace('rounds: 2', 'rounds: 1')}\n{contract}"))
    models.says = {
        "macro": [call_tools(position("Growth is 4711 %."))],
        "trading": [call_tools(position("- **SPX** long · entry 5000 · confidence 70 % — momentum"))],
        "zoe": [say("macro sees growth of 4711 %.\n\ntrading is long.")] * 2,  # and again when told to repair it
    }
    workbench.tick_at(EIGHT)
    (page,) = workbench.delivered()
    text = page.read_text(encoding="utf-8")
    assert "macro, in round 1: a number was not collected (line 1: 4711 %" in text
    assert "trading, in round 1: a signal names an entry and no stop" in text
    assert "left out: a number was not collected" in text, "a number is not collected by being said at a table"
    assert "> Growth is 4711 %." in text
    (first, *_) = heard_by(models, "zoe")
    assert "Found in the last positions:" in first


def test_two_tables_at_the_same_time_are_two_and_both_are_concluded(workbench: Workbench, models: Models) -> None:
    one_round = TABLE.replace("rounds: 2", "rounds: 1")
    workbench.write(chair(one_round))
    other = chair(one_round.replace("[macro, trading]", "[trading, zoe]"))["agents/zoe/jobs/table.md"]
    workbench.write({"agents/macro/jobs/council.md": other})
    models.says = {
        "macro": [call_tools(position(RISE))],
        "trading": [call_tools(position(FALL)), call_tools(position(FALL))],
        "zoe": [call_tools(position("Nobody knows."))],
        "macro, chair": [say("trading and zoe agree.")],
        "zoe, chair": [say(CONCLUSION)],
    }
    workbench.tick_at(EIGHT)
    tables = {seat.table for one in seats(workbench) if (seat := seat_of(one.request)) is not None}
    assert tables == {table_id_of(f"cron:{job}:{int(EIGHT.timestamp())}") for job in ("zoe/table", "macro/council")}
    assert {fire(workbench, job).state for job in ("zoe/table", "macro/council")} == {FireState.DELIVERED}
    assert minutes(workbench).startswith(f"<!-- Minutes of table {table_id_of(str(fire(workbench).run_id))},")
    assert "Nobody knows." in minutes(workbench, "2026-11-21-council.md")


def test_a_second_table_of_the_same_day_has_minutes_of_its_own(workbench: Workbench, models: Models) -> None:
    workbench.write(chair(TABLE.replace("rounds: 2", "rounds: 1")))
    models.says = {**both(RISE, FALL), "zoe": [say(CONCLUSION), say("Again: macro, trading.")]}
    workbench.tick_at(EIGHT)
    first = minutes(workbench)
    again = workbench.run("zoe/table")
    assert again.state is FireState.DELIVERED
    assert minutes(workbench) == first
    second = minutes(workbench, f"2026-11-21-table-{table_id_of(str(again.run_id))}.md")
    assert "Again: macro, trading." in second

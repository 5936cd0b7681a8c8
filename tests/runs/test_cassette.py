"""A run as a file: it holds what the world said, and is played again without database and network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.domain.message import ToolCall
from harness.domain.run import Fire
from harness.pytest_plugin import Workbench
from harness.runs.cassette import Cassette, parse_cassette, read_cassette, render_cassette
from harness.runs.comparison import Part, compare_replay
from harness.runs.recording import read_recording
from harness.runs.replay import recorded_links, replay, what_was_asked
from harness.runs.tape import Stray, Tape
from harness.store.peek import peek
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, fail, say
from harness.wiring.playback import playback_services
from tests.runs.model_workspace import item_lines, with_job, with_model
from tests.runs.test_asking import EIGHT, FOUND, QUESTION, Models, agent, job, tool
from tests.runs.test_every_stop import SCENES, stopped

REACHABLE = "read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3, links: reachable}"


def cassette_text(workbench: Workbench, fire: Fire) -> str:
    with peek(workbench.system.database.address) as look:
        assert look is not None
        recording = read_recording(look, workbench.system.state, fire.run_id or "")
    assert recording is not None
    with playback_services(workbench.root, workbench.environ, recorded_links(recording)) as services:
        asked = asyncio.run(what_was_asked(recording, services))
        return render_cassette(Cassette(recording, asked), services.redact)


def play(workbench: Workbench, cassette: Cassette) -> tuple[dict[str, Part], list[Stray]]:
    recording = cassette.recording
    tape = Tape(recording.steps, cassette.asked)
    with playback_services(workbench.root, workbench.environ, recorded_links(recording)) as services:
        replayed = asyncio.run(replay(recording, services, tape))
    return {part.name: part for part in compare_replay(recording, replayed)}, tape.strays


def differing(parts: dict[str, Part]) -> list[str]:
    return [name for name, part in parts.items() if part.is_same is False]


def run_with_tools_and_repair(workbench: Workbench) -> Fire:
    links = workbench.serve_stories(3)
    script = [
        call_tools(
            ToolCall("c1", "web_read", json.dumps({"url": links[0]})), ToolCall("c2", "web_read", '{"url": "nowhere"}')
        ),
        say(item_lines(links[:2])),
        say(item_lines(links)),
    ]
    with OpenAIServer(script) as server:
        workbench.write({**with_model(server), **with_job(REACHABLE)})
        return workbench.run()


def test_a_cassette_gives_back_the_run_that_it_was_written_from(workbench: Workbench) -> None:
    fire = run_with_tools_and_repair(workbench)
    text = cassette_text(workbench, fire)
    workbench.restart()
    cassette = parse_cassette(text)
    assert cassette.unknown == ()
    assert [name for name in cassette.asked if name[0] == "tool"] == [("tool", "model-1.1"), ("tool", "model-1.2")]
    parts, strays = play(workbench, cassette)
    assert (differing(parts), strays) == ([], [])
    assert "state: delivered" in parts["outcome"].then
    assert parts["digest"].then == parts["digest"].now != ()


def test_the_same_run_gives_the_same_bytes_and_says_each_thing_once(workbench: Workbench) -> None:
    fire = run_with_tools_and_repair(workbench)
    text = cassette_text(workbench, fire)
    assert text == cassette_text(workbench, fire)
    assert text == render_cassette(parse_cassette(text), lambda said: said)
    assert text.startswith("cassette: 1\njob: scout/morning\n")
    assert text.count("You are scout. You look before you speak.") == 1
    assert text.count("title: Cats accept a treaty") == 1


def test_a_link_among_the_items_that_was_not_collected_is_refused(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    text = cassette_text(workbench, workbench.run())
    edited = text.replace(f"      items:\n        - {links[0]}\n", "      items:\n        - https://a.example/\n")
    assert edited != text
    with pytest.raises(ValueError, match=r"https://a\.example/ is named among the items, and was not collected"):
        parse_cassette(edited)


def test_secrets_are_not_in_it(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    secret = "sk-thisisasecretkey0123456789"
    with OpenAIServer([say(f"{item_lines(links)} The password: correct-horse and {secret}.")]) as server:
        settings = (with_model(server)["harness.toml"] or "").replace(
            "attempts = 1", 'attempts = 1\nkey_env = "MY_KEY"'
        )
        workbench.write({"harness.toml": settings, **with_job()})
        workbench.environ["MY_KEY"] = "correct-horse"
        text = cassette_text(workbench, workbench.run())
    assert secret not in text
    assert "correct-horse" not in text
    assert "[redacted]" in text
    assert play(workbench, parse_cassette(text))[1] == []


def test_what_the_model_is_asked_differently_is_named_with_what_changed(workbench: Workbench) -> None:
    fire = run_with_tools_and_repair(workbench)
    cassette = parse_cassette(cassette_text(workbench, fire))
    workbench.write({"agents/scout/SOUL.md": "You are terse.\n"})
    parts, strays = play(workbench, cassette)
    # The later calls repeat the conversation: the edit is told once.
    (stray,) = strays
    assert (stray.name, stray.nearest, stray.is_answered) == ("model model-1", "model model-1", True)
    assert "-You are scout. You look before you speak." in stray.changes
    assert "+You are terse." in stray.changes
    assert differing(parts) == ["prompt"]


def test_a_call_that_was_not_made_then_gets_no_answer_and_the_nearest_is_shown(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        cassette = parse_cassette(cassette_text(workbench, workbench.run()))
    workbench.write(with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {max_items: 2}"))
    parts, strays = play(workbench, cassette)
    assert [(stray.name, stray.nearest, stray.is_answered) for stray in strays][-1] == (
        "model model-2",
        "model model-1",
        False,
    )
    assert any("at most 2 allowed" in line for line in strays[-1].changes)
    assert "state: degraded" in parts["outcome"].now


def test_an_answer_that_a_person_changed_in_the_file_is_what_the_model_says(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        text = cassette_text(workbench, workbench.run())
    head, _, tail = text.partition("reply:")
    edited = parse_cassette(f"{head}reply:{tail.replace('Story 2', 'Story two, renamed', 1)}")
    parts, strays = play(workbench, edited)
    assert strays == []
    assert any("renamed" in line for line in parts["digest"].now) or "outcome" not in differing(parts)
    assert parts["prompt"].is_same


def test_a_tool_call_with_other_arguments_is_not_answered_with_what_another_call_brought(workbench: Workbench) -> None:
    fire = run_with_tools_and_repair(workbench)
    text = cassette_text(workbench, fire)
    # What the model calls is changed; what was asked of the tool stays as it was recorded.
    head, found, tail = text.partition("tool_calls:\n")
    assert found
    edited = parse_cassette(head + found + tail.replace("nowhere", "elsewhere", 1))
    parts, strays = play(workbench, edited)
    assert ("tool model-1.2", False) in [(stray.name, stray.is_answered) for stray in strays]
    assert any("elsewhere" in line for stray in strays for line in stray.changes)
    assert any("the tape has no tool model-1.2" in line for line in parts["outcome"].now)


def test_a_failed_call_fails_again_with_the_same_words(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with OpenAIServer([fail(500)]) as server:
        workbench.write({**with_model(server), **with_job()})
        cassette = parse_cassette(cassette_text(workbench, workbench.run()))
    parts, strays = play(workbench, cassette)
    assert (differing(parts), strays) == ([], [])
    assert "state: failed" in parts["outcome"].now


def test_a_job_that_reads_more_today_is_told_that_it_is_not_on_the_tape(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    cassette = parse_cassette(cassette_text(workbench, workbench.run()))
    workbench.write(with_job("read: [feeds/ai, USER.md]\ndeliver: digest"))
    _, strays = play(workbench, cassette)
    assert (strays[0].name, strays[0].changes) == ("collect", (" feeds/ai", "+USER.md"))


@pytest.mark.parametrize(
    "run_id", ["manual:../../../../evil:1", "manual:/evil:1", "manual:a/../../b:1", "evil", "manual:scout\\\\x:1"]
)
def test_a_cassette_makes_no_folder_outside_of_its_own(workbench: Workbench, run_id: str) -> None:
    workbench.serve_stories(1)
    fire = workbench.run()
    text = cassette_text(workbench, fire)
    with pytest.raises(ValueError, match="is no id of a run"):
        parse_cassette(text.replace(str(fire.run_id), f'"{run_id}"'))
    with pytest.raises(ValueError, match="its plan is of"):
        parse_cassette(text.replace(f"run_id: {fire.run_id}", "run_id: manual:scout/evening:1"))


def test_an_outcome_that_names_a_file_elsewhere_shows_nothing_of_it(workbench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("What nobody is to see.", encoding="utf-8")
    workbench.write(with_job("deliver: digest\nrequires: none.md"))
    text = cassette_text(workbench, workbench.run())
    assert "step: preflight" in text
    edited = parse_cassette(text.replace("artifact: null", f"artifact: {tmp_path / 'secret.json'}"))
    parts, _ = play(workbench, edited)
    assert parts["digest"].now == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("just words", "it does not begin with `cassette: 1`"),
        ("cassette: 7\n", "format 7 is not known here"),
        ("cassette: 1\njob: a/b\n", "'run' is missing"),
        ("cassette: 1\ncassette: 1\n", "line 2: cassette is given twice"),
        ("cassette: 1\nrun: 3\nended: 4\nsteps: [5]\n", "is no cassette"),
    ],
)
def test_what_is_no_cassette_is_refused_with_the_reason(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OwnerError, match=problem):
        read_cassette(path)


def test_a_cassette_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match="cannot be read: no such file"):
        read_cassette(tmp_path / "none.yaml")


# ── Every kind of run ────────────────────────────────────────────────────────────────────────────


def assert_each_run_comes_back(workbench: Workbench) -> list[Cassette]:
    """Hold every run of the ledger against its own cassette: nothing differs, and everything asked is known."""
    with peek(workbench.system.database.address) as look:
        assert look is not None
        runs = [run for run in look.runs(100) if run.state == "ended"]
        recordings = [read_recording(look, workbench.system.state, run.id) for run in runs]
    cassettes = []
    for recording in recordings:
        assert recording is not None
        with playback_services(workbench.root, workbench.environ, recorded_links(recording)) as services:
            asked = asyncio.run(what_was_asked(recording, services))
            cassettes.append(parse_cassette(render_cassette(Cassette(recording, asked), services.redact)))
        parts, strays = play(workbench, cassettes[-1])
        assert (differing(parts), strays, cassettes[-1].unknown) == ([], [], ()), recording.run.id
    return cassettes


@pytest.mark.parametrize("name", [name for name in SCENES if name not in ("cancelled", "suspended")])
def test_a_run_that_was_stopped_stops_again_for_the_same_reason(workbench: Workbench, name: str) -> None:
    row = stopped(workbench, SCENES[name])
    (cassette,) = assert_each_run_comes_back(workbench)
    assert cassette.recording.run.stop == row.stop


def test_runs_that_ask_and_go_on_come_back_each_by_itself(workbench: Workbench) -> None:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout"), **agent("scout", "zoe"), **job("zoe")}
        workbench.write({**files, "agents/scout/jobs/morning.md": None})
        models.says = {
            "zoe": [call_tools(tool("ask", QUESTION)), say("There are three.")],
            "scout": [call_tools(tool("finish", FOUND))],
        }
        workbench.tick_at(EIGHT)
    cassettes = assert_each_run_comes_back(workbench)
    assert len(cassettes) == 3
    assert [step.kind for cassette in cassettes for step in cassette.recording.steps].count("resume") == 1


def test_a_conversation_that_was_made_shorter_and_a_delegate_come_back(workbench: Workbench) -> None:
    text = " ".join(f"kettle {n}" for n in range(3000))
    workbench.write({f"shared-context/{name}.md": f"{name} {text[:7000]}" for name in "abcdef"})
    reads = [call_tools(tool("files_read", {"path": f"shared-context/{name}.md"}, f"c{name}")) for name in "abcdef"]
    lent = {"task": "Count the kettles.", "tools": ["files.read"]}

    def answer(request: ChatRequest) -> ChatAnswer:
        return next(script, say("Three kettles."))

    script = iter(
        [call_tools(tool("delegate", lent)), say("There are three."), *reads, say("A summary."), say("Done.")]
    )
    with OpenAIServer(answer) as server:
        settings = str(with_model(server)["harness.toml"]).replace(
            "attempts = 1", "attempts = 1\ncontext_window = 12000"
        )
        zoe = agent("zoe")
        manifest = str(zoe["agents/zoe/agent.toml"]).replace("tools = [", 'tools = ["delegate", ')
        workbench.write({**zoe, **job("zoe"), "harness.toml": settings, "agents/zoe/agent.toml": manifest})
        workbench.write({"agents/scout/jobs/morning.md": None})
        workbench.tick_at(EIGHT)
    (cassette,) = assert_each_run_comes_back(workbench)
    kinds = {step.kind for step in cassette.recording.steps}
    assert {"keep", "model", "tool"} <= kinds
    assert any("/" in step.call_id for step in cassette.recording.steps)


def test_runs_without_a_model_come_back_too(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    jobs = {
        "filled": "read: [feeds/ai]\ndeliver: digest\nwithout_model: template\ntemplate: filled.template.md",
        "checked": "action: self-check\ndeliver: digest",
        "held-back": "read: [feeds/ai]\ndeliver: digest\nonly_if: {new_items: 100}",
        "missing": "deliver: digest\nrequires: none.md",
        "unread": "read: [feeds/none]\ndeliver: digest",
    }
    workbench.write(
        {
            "shared-context/feeds/none.md": f"- [Gone]({workbench.web.url('/gone.xml')})\n",
            "agents/scout/jobs/filled.template.md": "Nothing but this, {{ user.name }}.\n",
        }
    )
    for name, front in jobs.items():
        text = f"---\nschedule: daily 08:00\n{front}\n---\nList it.\n"
        workbench.write({f"agents/scout/jobs/{name}.md": text})
    for number, name in enumerate(jobs):
        workbench.clock.jump_to(EIGHT + timedelta(minutes=number))
        workbench.run(f"scout/{name}")
    workbench.run(preview=True)
    cassettes = assert_each_run_comes_back(workbench)
    states = {str(cassette.recording.fire.state) for cassette in cassettes if cassette.recording.fire}
    assert len(cassettes) == 6
    assert {"delivered", "silent", "skipped", "failed"} <= states


def test_a_call_whose_question_is_not_known_any_more_is_recognised_by_its_place(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        fire = workbench.run()
    with peek(workbench.system.database.address) as look:
        assert look is not None
        recording = read_recording(look, workbench.system.state, fire.run_id or "")
    assert recording is not None
    # As if it had been recorded by a harness that asked in another way.
    steps = tuple(replace(step, args_hash="0" * 64) if step.kind == "model" else step for step in recording.steps)
    with playback_services(workbench.root, workbench.environ, recorded_links(recording)) as services:
        asked = asyncio.run(what_was_asked(replace(recording, steps=steps), services))
        cassette = parse_cassette(render_cassette(Cassette(recording, asked), services.redact))
    assert cassette.unknown == ("model-1",)
    parts, strays = play(workbench, cassette)
    assert (differing(parts), strays) == ([], [])

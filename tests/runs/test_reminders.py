"""Reminders in whole runs: apart from each other, not at night, never the same again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from harness.bus.sending import Ask, send
from harness.bus.team import Team
from harness.domain.request import USER
from harness.domain.run import Fire, FireState
from harness.memory.corrections import Correction, with_correction
from harness.pytest_plugin import Workbench
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.reminders import last_word_of_person
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, say
from tests.runs.model_workspace import with_model

HOME = ZoneInfo("America/Los_Angeles")
DELIVERED, SKIPPED, FAILED = FireState.DELIVERED, FireState.SKIPPED, FireState.FAILED
TODOS = "shared-context/todos.md"


def at(time: str, day: int = 21) -> datetime:
    """Return the moment at home in November 2026, in UTC."""
    hour, minute = map(int, time.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=HOME).astimezone(UTC)


def reminder(schedule: str, lines: str = "", words: str = "Remind me.") -> str:
    return f"---\nschedule: {schedule}\ndeliver: digest\nreminder: true\nif_missed: none\n{lines}\n---\n{words}\n"


def only(**jobs: str) -> dict[str, str | None]:
    """Scout's jobs, by their names, and no morning job."""
    files: dict[str, str | None] = {f"agents/scout/jobs/{name}.md": text for name, text in jobs.items()}
    return {"agents/scout/jobs/morning.md": None, **files}


def fires_of(workbench: Workbench, name: str) -> list[Fire]:
    return [fire for fire in workbench.fires() if fire.job_id == f"scout/{name}"]


def page(workbench: Workbench) -> str:
    return "\n".join(path.read_text() for path in workbench.delivered())


class Numbered:
    """A model that says something else each time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: ChatRequest) -> ChatAnswer:
        self.asked += 1
        return say(f"Drink a glass, {'abcdefgh'[self.asked - 1]}.")


def test_two_reminders_of_an_agent_are_ninety_minutes_apart_by_their_due_times(workbench: Workbench) -> None:
    script = Numbered()
    with OpenAIServer(script) as server:
        jobs = only(water=reminder("daily 10:00, 11:30"), stretch=reminder("daily 11:00"))
        workbench.write({**with_model(server), **jobs})
        for moment in (at("10:00"), at("11:00"), at("11:30")):
            workbench.tick_at(moment)
    first, last = fires_of(workbench, "water")
    (between,) = fires_of(workbench, "stretch")
    assert (first.state, between.state, last.state) == (DELIVERED, SKIPPED, DELIVERED)
    assert between.reason == "scout/water reminded at 10:00 PST, and two reminders are at least 1 h 30 min apart"
    assert script.asked == 2, "what is skipped is not paid for"


def test_the_agent_says_how_far_apart_its_reminders_are(workbench: Workbench) -> None:
    with OpenAIServer(Numbered()) as server:
        agent = 'description = "Looks"\n[reminders]\nspacing = "45m"\n'
        jobs = only(water=reminder("daily 10:00, 11:00"))
        workbench.write({**with_model(server), **jobs, "agents/scout/agent.toml": agent})
        for moment in (at("10:00"), at("11:00")):
            workbench.tick_at(moment)
    assert [fire.state for fire in fires_of(workbench, "water")] == [DELIVERED, DELIVERED]


def test_a_briefing_in_between_is_no_reminder(workbench: Workbench) -> None:
    with OpenAIServer(Numbered()) as server:
        briefing = "---\nschedule: daily 10:30\ndeliver: digest\n---\nGreet.\n"
        workbench.write({**with_model(server), **only(greeting=briefing, water=reminder("daily 11:00"))})
        for moment in (at("10:30"), at("11:00")):
            workbench.tick_at(moment)
    assert [fire.state for fire in workbench.fires()] == [DELIVERED, DELIVERED]


@pytest.mark.parametrize("team_hours", ["", 'quiet_hours = "22:30-06:00"\n'])
def test_no_reminder_is_given_at_night_but_an_emergency(workbench: Workbench, team_hours: str) -> None:
    script = Numbered()
    with OpenAIServer(script) as server:
        jobs = only(water=reminder("daily 23:30"), alarm=reminder("daily 23:40", "emergency: true"))
        files = {**with_model(server), **jobs}
        files["harness.toml"] = f"{team_hours}{files['harness.toml']}"
        workbench.write(files)
        for moment in (at("23:30"), at("23:40")):
            workbench.tick_at(moment)
    (water,), (alarm,) = fires_of(workbench, "water"), fires_of(workbench, "alarm")
    hours = "22:30-06:00" if team_hours else "23:00-07:00"
    assert (water.state, water.reason) == (SKIPPED, f"quiet hours {hours} in America/Los_Angeles")
    assert alarm.state is DELIVERED
    assert script.asked == 1


def test_a_reminder_that_the_night_has_overtaken_is_not_given_any_more(workbench: Workbench) -> None:
    with OpenAIServer(Numbered()) as server:
        late = reminder("daily 22:50").replace("if_missed: none", "if_missed: {run: latest, within: 3h}")
        workbench.write({**with_model(server), **only(water=late)})
        workbench.tick_at(at("22:00"))
        workbench.tick_at(at("23:20"))
    (fire,) = fires_of(workbench, "water")
    assert (fire.state, fire.reason) == (SKIPPED, "no reminder in quiet hours 23:00-07:00 in America/Los_Angeles")


def test_the_same_words_are_not_delivered_twice_within_a_week(workbench: Workbench) -> None:
    with OpenAIServer(lambda _: say("Drink a glass of **water**.")) as server:
        workbench.write({**with_model(server), **only(water=reminder("daily 10:00"))})
        for day in (21, 22, 28):
            workbench.tick_at(at("10:00", day))
        told = [request.messages[-1]["content"] for request in server.requests]
    fires = fires_of(workbench, "water")
    first, second, third = fires[0], fires[1], fires[-1]
    assert (first.state, second.state, third.state) == (DELIVERED, SKIPPED, DELIVERED)
    assert second.reason == "the same words were delivered lately (on 2026-11-21)"
    assert "say it in other words" in told[2]
    assert len(workbench.delivered()) == 2


def test_other_words_in_the_second_answer_are_delivered(workbench: Workbench) -> None:
    answers = [say("Drink a glass."), say("Drink a glass!"), say("Time for a glass.")]
    with OpenAIServer(answers) as server:
        workbench.write({**with_model(server), **only(water=reminder("daily 10:00"))})
        for day in (21, 22):
            workbench.tick_at(at("10:00", day))
    assert [fire.state for fire in fires_of(workbench, "water")] == [DELIVERED, DELIVERED]
    assert "Time for a glass." in page(workbench)


# ── To-dos ───────────────────────────────────────────────────────────────────────────────────────

NUDGE = reminder("daily 13:30", "read: [todos]", "Nudge me about the first one.")


class Nudger:
    """A model that nudges about the first to-do of its prompt; `seen` are the prompts."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, request: ChatRequest) -> ChatAnswer:
        # Memory may know the whole list: what is collected is what there is to nudge about.
        prompt = str(request.messages[-1]["content"]).partition("# Collected for this run")[2]
        self.seen.append(prompt)
        what = "Call the dentist" if "dentist" in prompt else "Pay the rent"
        return say(f"{what}, day {'abcdef'[len(self.seen) - 1]}?")


def nudge_at(workbench: Workbench, *days: int) -> list[Fire]:
    for day in days:
        workbench.tick_at(at("13:30", day))
    return fires_of(workbench, "nudge")


def test_nobody_is_nudged_twice_about_a_to_do_without_a_reply(workbench: Workbench) -> None:
    model = Nudger()
    with OpenAIServer(model) as server:
        todos = "- [ ] Call the dentist (due 2026-11-21)\n- [ ] Pay the rent\n"
        workbench.write({**with_model(server), **only(nudge=NUDGE), TODOS: todos})
        first, second, third = nudge_at(workbench, 21, 22, 23)
    assert (first.state, second.state, third.state) == (DELIVERED, DELIVERED, SKIPPED)
    first_two = "Call the dentist (due 2026-11-21) and 1 more"
    assert third.reason == f"there was a nudge about {first_two} already, and no reply since"
    assert "dentist" not in model.seen[1]
    assert len(model.seen) == 2, "what is skipped is not paid for"


def test_a_to_do_that_changed_is_nudged_about_again(workbench: Workbench) -> None:
    with OpenAIServer(Nudger()) as server:
        workbench.write({**with_model(server), **only(nudge=NUDGE), TODOS: "- [ ] Call the dentist\n"})
        nudge_at(workbench, 21)
        workbench.write({TODOS: "- [ ] Call the dentist (due 2026-11-22)\n"})
        fires = nudge_at(workbench, 22)
    assert [fire.state for fire in fires] == [DELIVERED, DELIVERED]


def test_a_correction_by_the_person_is_a_reply(workbench: Workbench) -> None:
    with OpenAIServer(Nudger()) as server:
        workbench.write({**with_model(server), **only(nudge=NUDGE), TODOS: "- [ ] Call the dentist\n"})
        nudge_at(workbench, 21)
        record = with_correction("", Correction("scout", "I call on Thursdays only"), date(2026, 11, 22))
        workbench.write({"agents/scout/.learnings/LEARNINGS.md": record})
        fires = nudge_at(workbench, 22)
    assert [fire.state for fire in fires] == [DELIVERED, DELIVERED]


def test_a_question_to_the_agent_is_a_reply(workbench: Workbench) -> None:
    with OpenAIServer(Nudger()) as server:
        workbench.write({**with_model(server), **only(nudge=NUDGE), TODOS: "- [ ] Call the dentist\n"})
        nudge_at(workbench, 21)
        workbench.clock.advance(3600)
        asked_at = workbench.clock.now()
        with workbench.system.database.write(alone=True) as connection:
            team = Team(workbench.system.workspace(), WORKFLOW_VERSION, asked_at)
            send(connection, Ask(USER, "scout", "Which dentist?", key="dentist"), team, asked_at)
        with workbench.system.database.read() as connection:
            assert last_word_of_person(connection, "scout") == asked_at.timestamp()
            assert last_word_of_person(connection, "other") == 0.0
        fires = nudge_at(workbench, 22)
    assert [fire.state for fire in fires] == [DELIVERED, DELIVERED]


def test_an_empty_list_is_silent_and_asks_no_model(workbench: Workbench) -> None:
    model = Nudger()
    with OpenAIServer(model) as server:
        workbench.write({**with_model(server), **only(nudge=NUDGE), TODOS: "- [x] Call the dentist\n"})
        (fire,) = nudge_at(workbench, 21)
    assert (fire.state, fire.reason, model.seen) == (FireState.SILENT, "no to-do is open", [])

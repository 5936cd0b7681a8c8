"""What a run is worth: which mistakes become candidates, and what a later run says of a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from harness.domain.contract import Contract, Evidence, ItemRule, Violation
from harness.domain.judgement import judge
from harness.domain.learning import Learning
from harness.domain.tool import ToolResult
from harness.gate.outside import RECALLED_OUTSIDE, RECALLED_OWN, fence
from harness.gate.registry import KNOWN_MISTAKE
from harness.memory.capture import MOST_OF_A_RUN, candidates, evidence
from harness.memory.promotion import words_of
from tests.memory.recorded import DAY, Called, Recorded, failed

WRONG: Called = ("feeds.table", {"field": "BUY_AMT", "day": "2026-11-21"}, failed("unknown field BUY_AMT, line 3"))
RIGHT: Called = ("feeds.table", {"field": "BILLBOARD_BUY_AMT", "day": "2026-11-21"}, ToolResult("7 rows"))
NEXT_WEEK = DAY + timedelta(days=7)


def learned(*calls: Called, **more: object) -> Learning:
    (learning,) = candidates(Recorded(calls, **more).showing())  # type: ignore[arg-type]
    return replace(learning, id="ERR-20261121-7f3a")


def later(*calls: Called, run: str = "cron:scout/morning:2", **more: object) -> Recorded:
    return Recorded(calls, **more)  # type: ignore[arg-type]


def says(learning: Learning, recorded: Recorded, run: str = "cron:scout/morning:2", day: date = NEXT_WEEK) -> str:
    verification = evidence(learning, recorded.showing(run, day))
    if verification is None:
        return ""
    assert (verification.run, verification.at) == (run, day)
    return f"{'held' if verification.is_ok else 'contradicted'} by {verification.check}"


# ── A tool call that failed and was mended ───────────────────────────────────────────────────────


def test_a_call_that_a_later_one_mended_becomes_a_candidate_that_says_what_differs() -> None:
    learning = learned(WRONG, ("scratchpad", {"action": "add"}, ToolResult("ok")), RIGHT)
    assert (learning.title, learning.origin, learning.trust, learning.scope, learning.run, learning.first_seen) == (
        'feeds.table, field: "BUY_AMT" → "BILLBOARD_BUY_AMT"',
        "tool",
        2,
        "agent/scout",
        "cron:scout/morning:1",
        DAY,
    )
    assert learning.trigger == "calling feeds.table, seen with field, day"
    assert learning.wrong == 'feeds.table {"field": "BUY_AMT", "day": "2026-11-21"}'
    assert learning.right == 'feeds.table {"field": "BILLBOARD_BUY_AMT", "day": "2026-11-21"}'
    assert learning.why == "unknown field BUY_AMT, line 3"


@pytest.mark.parametrize(
    "calls",
    [
        (WRONG,),
        (RIGHT, WRONG),
        (WRONG, (WRONG[0], WRONG[1], ToolResult("7 rows"))),
        (WRONG, ("files.read", RIGHT[1], ToolResult("7 rows"))),
        (("web.read", {"url": "https://a.example/1"}, failed("HTTP 404")),
         ("web.read", {"url": "https://quite.other.net/else?x=y"}, ToolResult("a page"))),
        ((WRONG[0], WRONG[1], failed("not done", "cancelled")), RIGHT),
        ((WRONG[0], WRONG[1], failed("this failed before", "refused", KNOWN_MISTAKE)), RIGHT),
    ],
    ids=["unmended", "right before", "passed by itself", "another tool", "another thing", "not made", "held back"],
)  # fmt: skip
def test_what_was_not_mended_by_doing_it_otherwise_teaches_nothing(calls: tuple[Called, ...]) -> None:
    assert candidates(Recorded(calls).showing()) == ()


def test_a_mistake_made_twice_in_a_run_is_one_candidate_and_two_mistakes_are_two() -> None:
    other: Called = ("feeds.table", {"field": "BILLBOARD_BUY_AMT", "day": "21.11."}, failed("a day is YYYY-MM-DD"))
    found = candidates(Recorded((WRONG, WRONG, other, RIGHT)).showing())
    assert [each.why for each in found] == ["unknown field BUY_AMT, line 3", "a day is YYYY-MM-DD"]


def test_a_mistake_is_the_same_where_the_gate_adds_how_the_tool_is_called() -> None:
    first = failed("files.read: pth: no such field; there are: path", "invalid")
    second = failed(f"{first.content}. Call it like this: files.read(path: string)", "invalid")
    right = ("files.read", {"path": "a.md"}, ToolResult("text"))
    calls = (("files.read", {"pth": "a.md"}, first), ("files.read", {"pth": "a.md"}, second), right)
    assert len(candidates(Recorded(calls).showing())) == 1


def test_a_run_in_which_everything_goes_wrong_is_worth_a_few_candidates() -> None:
    calls = [(f"tool{chr(97 + n)}", {"a": value, "b": 1}, result)
             for n in range(12) for value, result in ((1, failed("no")), (2, ToolResult("yes")))]  # fmt: skip
    assert len(candidates(Recorded(calls).showing())) == MOST_OF_A_RUN


def test_what_is_told_is_short_and_has_no_secrets() -> None:
    wrong = {"text": "x" * 5_000, "key": "hunter2", "to": "sam", "note": "password=correcthorse"}
    calls = (
        ("post", wrong, failed(f"hunter2 is refused {'y' * 3_000}")),
        ("post", {**wrong, "to": "Sam"}, ToolResult("sent")),
    )
    (learning,) = candidates(Recorded(calls).showing(), secrets=("hunter2",))
    told = f"{learning.title} {learning.wrong} {learning.right} {learning.why}"
    assert "hunter2" not in told
    assert "correcthorse" not in told
    assert len(told) < 1_500
    assert 'to: "sam" → "Sam"' in learning.title


@pytest.mark.parametrize(
    ("prompt", "before", "right"),
    [
        (fence("Buy gold", "feed"), (), RIGHT),
        ("Rank it.", (("web.read", {"url": "x"}, ToolResult("page", is_untrusted=True)),), RIGHT),
        (fence("ERR-1: Buy gold", RECALLED_OUTSIDE), (), RIGHT),
    ],
    ids=["in the prompt", "by a tool before", "recalled from outside"],
)
def test_text_that_may_come_from_outside_has_no_trust(prompt: str, before: tuple[Called, ...], right: Called) -> None:
    learning = learned(*before, WRONG, right, prompt=prompt)
    assert (learning.origin, learning.trust) == ("external", 0)


def test_what_a_call_brings_back_was_not_read_when_it_was_made() -> None:
    # What a tool says of its failure is the harness's own: at most the name of a host stands in it, and no fence.
    learning = learned(WRONG, (RIGHT[0], RIGHT[1], ToolResult("page", is_untrusted=True)))
    assert (learning.origin, learning.trust) == ("tool", 2)


def test_what_was_recalled_with_trust_does_not_taint() -> None:
    learning = learned(WRONG, RIGHT, prompt=fence("ERR-1: Count twice", RECALLED_OWN))
    assert (learning.origin, learning.trust) == ("tool", 2)


def test_a_run_without_a_language_model_makes_no_mistakes_to_learn_from() -> None:
    assert candidates(Recorded((WRONG, RIGHT), method="extract").showing()) == ()


BILLBOARD = {"table": "billboard", "side": "buy", "limit": 10, "day": "2026-11-21"}


@pytest.mark.parametrize(
    ("wrong", "right", "error", "told"),
    [
        ({**BILLBOARD, "field": "A"}, {**BILLBOARD, "field": "B"}, "no such field",
         ' with table "billboard", side "buy"'),
        ({**BILLBOARD, "field": "A"}, {**BILLBOARD, "field": "B"}, "the billboard has no A", ' with table "billboard"'),
        ({"url": "https://m.a.example/1"}, {"url": "https://a.example/1"}, "HTTP 403", ' with url "m.a.example"'),
        ({"path": "books/10.csv", "sep": ","}, {"path": "books/10.csv", "sep": ";"}, "no", ' with path "books"'),
        ({"day": "2026-11-21", "n": 500}, {"day": "2026-11-21", "n": 100}, "at most 100", ", seen with n, day"),
    ],
    ids=["what both have", "what the error names", "the host", "the folder", "nothing that lasts"],
)  # fmt: skip
def test_the_trigger_of_a_call_says_where_the_lesson_holds(
    wrong: dict[str, object], right: dict[str, object], error: str, told: str
) -> None:
    learning = learned(("t.call", wrong, failed(error)), ("t.call", right, ToolResult("ok")))
    assert learning.trigger == f"calling t.call{told}"


def test_a_record_tells_the_task_in_which_it_was_found_and_a_line_of_memory_does_not() -> None:
    transcript = Recorded((WRONG, RIGHT)).showing().transcript
    shown = replace(Recorded().showing(), transcript=replace(transcript, task="Rank yesterday's billboard"))
    (learning,) = candidates(shown)
    assert learning.why == "unknown field BUY_AMT, line 3. Found in: Rank yesterday's billboard"
    assert "Rank" not in words_of(replace(learning, id="ERR-20261121-7f3a"))


# ── A broken promise that was repaired ───────────────────────────────────────────────────────────

CONTRACT = Contract(min_items=8, max_chars=100, must_include=("not advice",), every_item=ItemRule(reachable=True))
FEW = Violation("min_items", "3 items, at least 8 needed", remedy="an item is a list entry")
STRAY = Violation(
    "every_item.url",
    "item 2 “Buy gold now” links https://x.example/1 which is not among the collected sources",
    "https://x.example/1",
    "drop it",
)


def test_a_broken_promise_that_was_repaired_becomes_a_candidate_in_the_harness_own_words() -> None:
    found = candidates(Recorded(first=[FEW, STRAY], second=[], contract=CONTRACT).showing())
    assert [(each.title, each.right, each.origin, each.trust) for each in found] == [
        ("min_items: 3 items, at least 8 needed", "an item is a list entry", "tool", 2),
        ("every_item.url: item 2 links a page which is not among the collected sources", "drop it", "tool", 2),
    ]
    assert "gold" not in repr(found)


def test_what_the_repair_left_broken_teaches_nothing() -> None:
    assert candidates(Recorded(first=[FEW], second=[replace(FEW, detail="5 items, at least 8 needed")]).showing()) == ()
    assert candidates(Recorded(first=[FEW], second=None).showing()) == ()
    assert candidates(Recorded(first=[]).showing()) == ()


def test_a_promise_holds_in_a_later_answer_that_keeps_it_and_not_in_one_that_never_does() -> None:
    learning = learned(first=[FEW], second=[], contract=CONTRACT)
    assert says(learning, Recorded(first=[], contract=CONTRACT)) == "held by contract"
    assert says(learning, Recorded(first=[FEW], second=[], contract=CONTRACT)) == "held by contract"
    assert says(learning, Recorded(first=[FEW], second=[FEW], contract=CONTRACT)) == "contradicted by contract"
    assert says(learning, Recorded(first=[FEW], contract=CONTRACT)) == "contradicted by contract"
    assert says(learning, Recorded(contract=CONTRACT)) == ""


def test_a_job_that_does_not_promise_it_says_nothing_of_it() -> None:
    learning = learned(first=[FEW], second=[], contract=CONTRACT)
    assert says(learning, Recorded(first=[], contract=replace(CONTRACT, min_items=None))) == ""
    phrase = Violation("must_include", "the text lacks “not advice”")
    lesson = learned(first=[phrase], second=[], contract=CONTRACT)
    assert says(lesson, Recorded(first=[], contract=replace(CONTRACT, must_include=("other words",)))) == ""
    assert says(lesson, Recorded(first=[], contract=CONTRACT)) == "held by contract"


def test_every_promise_that_the_judge_knows_can_be_learned_and_held() -> None:
    contract = replace(CONTRACT, max_items=9, min_chars=10, unseen_for_s=86_400)
    transcript = Recorded(first=[], contract=contract).showing().transcript
    assert len(transcript.promises) == 8
    for violation in judge(contract, Evidence("")):
        lesson = learned(first=[violation], second=[], contract=contract)
        assert says(lesson, Recorded(first=[], contract=contract)) == "held by contract", violation.rule


# ── What an agent reports ────────────────────────────────────────────────────────────────────────

REPORT = {"title": "count twice", "trigger": "counting cups", "wrong": "once", "right": "Count them twice.", "why": ""}


def test_a_better_way_that_the_agent_reports_is_a_candidate_of_little_trust() -> None:
    learning = learned(("learn", REPORT, ToolResult("noted")))
    assert (learning.id[:3], learning.origin, learning.trust, learning.right) == ("ERR", "agent", 1, REPORT["right"])
    (found,) = candidates(Recorded((("learn", REPORT, ToolResult("noted")),)).showing())
    assert found.id == "LRN"
    assert candidates(Recorded((("learn", REPORT, failed("known already", "failed")),)).showing()) == ()


def test_what_is_reported_after_reading_outside_has_no_trust() -> None:
    page: Called = ("web.read", {"url": "x"}, ToolResult("page", is_untrusted=True))
    learning = learned(page, ("learn", REPORT, ToolResult("noted")))
    assert (learning.origin, learning.trust) == ("external", 0)


def test_a_report_is_kept_with_what_it_names_of_the_call_before_it() -> None:
    cups: Called = ("t.count", {"what": "cups", "shelf": "upper"}, ToolResult("9"))
    plates: Called = ("t.count", {"what": "plates"}, ToolResult("3"))
    learning = learned(
        cups, plates, ("learn", REPORT, ToolResult("noted")), ("t.count", {"what": "counting"}, ToolResult("1"))
    )
    assert learning.trigger == 'counting cups, only with what "cups"'


# ── What a later run says of a record ────────────────────────────────────────────────────────────

ANOTHER_DAY = {"day": "2026-11-28"}
RIGHT_LATER: Called = (RIGHT[0], {**RIGHT[1], **ANOTHER_DAY}, ToolResult("9 rows"))
WRONG_LATER: Called = (WRONG[0], {**WRONG[1], **ANOTHER_DAY}, failed("unknown field BUY_AMT, line 12"))


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ((RIGHT_LATER,), "held by exit_code"),
        ((WRONG_LATER, RIGHT_LATER), "held by exit_code"),
        ((WRONG_LATER,), "contradicted by exit_code"),
        ((RIGHT_LATER, WRONG_LATER), "contradicted by exit_code"),
        (((RIGHT[0], {**RIGHT[1], **ANOTHER_DAY}, failed("unknown field BILLBOARD_BUY_AMT")),), ""),
        (((WRONG[0], {**WRONG[1], **ANOTHER_DAY}, ToolResult("9 rows")), RIGHT_LATER), "contradicted by exit_code"),
        ((WRONG_LATER, (WRONG[0], {**WRONG[1], "field": "BUY_AMOUNT"}, ToolResult("9 rows"))), ""),
        ((("files.read", RIGHT[1], ToolResult("7 rows")),), ""),
        (((RIGHT[0], {"field": "SELL_AMT", **ANOTHER_DAY}, ToolResult("7 rows")),), ""),
        ((), ""),
    ],
    ids=["done right", "mended so again", "made again", "made after all", "right way fails otherwise",
         "wrong way works", "mended otherwise", "another tool", "another field", "nothing"],
)  # fmt: skip
def test_a_later_run_bears_a_record_out_or_contradicts_it(calls: tuple[Called, ...], said: str) -> None:
    assert says(learned(WRONG, RIGHT), Recorded(calls)) == said


def test_the_run_that_found_it_and_runs_of_before_are_no_evidence() -> None:
    learning = learned(WRONG, RIGHT)
    assert says(learning, Recorded((RIGHT,)), run="cron:scout/morning:1") == ""
    assert says(learning, Recorded((RIGHT,)), run="cron:scout/morning:1.2") == ""
    assert says(learning, Recorded((RIGHT,)), day=DAY - timedelta(days=1)) == ""
    assert says(learning, Recorded((RIGHT,)), day=DAY) == "held by exit_code"


def test_to_have_been_recalled_is_no_evidence() -> None:
    learning = learned(WRONG, RIGHT)
    recalled = fence(f"{learning.id}: {learning.right}", RECALLED_OWN)
    assert says(learning, Recorded((), prompt=recalled)) == ""


def test_a_record_that_is_not_in_force_is_left_alone() -> None:
    assert says(replace(learned(WRONG, RIGHT), status="superseded"), Recorded((RIGHT_LATER,))) == ""

"""Whole runs over a model server that does everything wrong: each ends, soon, for a reason that has a name.

No run may hang: each has seconds, and the server would keep it for ever. None may spend more than its budget and the
one call that was in flight.
"""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.domain.run import FireState
from harness.pytest_plugin import Workbench
from harness.testing.misbehaving_server import (
    EMPTY,
    HUGE,
    REDIRECTS,
    REFUSING,
    SILENT,
    STORMS,
    TOO_LONG,
    UNREADABLE,
    USAGES,
    Behaviour,
    after,
    always,
    changing_calls,
    long_calls,
    many_calls,
    odd_calls,
    of_model,
    same_call,
    with_usage,
)
from harness.testing.openai_server import ChatAnswer, ChatRequest, say
from tests.runs.ends import run, run_all

GOOD = say("A report that says what there is to say, in a sentence or two.")
ODD_CALLS = dict(odd_calls("web_read"))
LONG_CALLS = dict(long_calls("web_read"))
PAGES = 40


def serve_pages(workbench: Workbench, count: int = PAGES) -> list[str]:
    return [workbench.web.serve(f"/page-{n}", b"<p>a page</p>") for n in range(count)]


# ── Nobody answers ───────────────────────────────────────────────────────────────────────────────


def test_a_server_that_does_not_answer_to_the_end_fails_the_run_with_its_name(workbench: Workbench) -> None:
    endless = {name: SILENT[name] for name in ("never answers", "drips")}
    for name, end in run_all(workbench, endless, patience_s=1).items():
        assert end.is_(FireState.FAILED, "error"), (name, end)
        assert "(test-model at http://127.0.0.1" in end.reason
        assert "no answer within 1 s" in end.reason, (name, end)
    for name, end in run_all(workbench, {name: SILENT[name] for name in SILENT if name not in endless}).items():
        assert end.is_(FireState.FAILED, "error"), (name, end)
        assert "connection cut" in end.reason, (name, end)


def test_a_server_that_keeps_silent_does_not_keep_the_run_longer_than_its_own_time(workbench: Workbench) -> None:
    end = run(workbench, always(SILENT["never answers"]), patience_s=600, job="timeout: 1s")
    assert end.is_(FireState.FAILED, "timeout")
    assert end.reason == "stopped after 1 s (timeout)"


# ── Storms ───────────────────────────────────────────────────────────────────────────────────────


def test_a_storm_ends_the_run_with_its_last_attempt(workbench: Workbench) -> None:
    ends = run_all(workbench, STORMS, attempts=1)
    assert {name for name, end in ends.items() if not end.is_(FireState.FAILED, "error")} == set()
    assert all("failed in 1 attempt: HTTP " in end.reason for end in ends.values())
    assert {name for name, end in ends.items() if name[:3].isdigit() and f"HTTP {name[:3]}" not in end.reason} == set()


def test_a_storm_that_asks_to_wait_does_not_keep_the_run_longer_than_its_own_time(workbench: Workbench) -> None:
    patient = {name: answer for name, answer in STORMS.items() if "hour" in name}
    ends = run_all(workbench, patient, attempts=4, job="timeout: 1s")
    assert [end.is_(FireState.FAILED, "timeout") for end in ends.values()] == [True, True]


def test_a_storm_that_passes_is_no_failure(workbench: Workbench) -> None:
    end = run(workbench, after(STORMS["429 that asks for less than nothing"], then=always(GOOD)), attempts=2)
    assert end.is_(FireState.DELIVERED, "completed")
    assert len(end.calls) == 1


# ── What cannot be read ──────────────────────────────────────────────────────────────────────────


def test_an_answer_that_cannot_be_read_fails_the_run_and_nothing_of_it_is_delivered(workbench: Workbench) -> None:
    ends = run_all(workbench, UNREADABLE)
    assert {name for name, end in ends.items() if not end.is_(FireState.FAILED, "error")} == set()
    assert {name for name, end in ends.items() if "malformed body" not in end.reason} == set()
    assert workbench.delivered() == []


def test_an_answer_without_measure_is_given_up_and_not_kept(workbench: Workbench) -> None:
    ends = run_all(workbench, {name: make() for name, make in HUGE.items()})
    assert {name for name, end in ends.items() if not end.is_(FireState.FAILED, "error")} == set()
    assert {name for name, end in ends.items() if "it is longer than 20 MB" not in end.reason} == set()


def test_a_redirect_is_not_followed_and_the_person_is_told_where_to(workbench: Workbench) -> None:
    ends = run_all(workbench, REDIRECTS)
    fix = "set base_url in [profiles.cheap] to where it redirects: http://127.0.0.1:9/v1"
    assert {name for name, end in ends.items() if not end.is_(FireState.FAILED, "error")} == set()
    assert {name for name, end in ends.items() if fix not in end.reason} == set()


def test_a_context_that_is_too_long_is_named(workbench: Workbench) -> None:
    for end in run_all(workbench, TOO_LONG).values():
        assert end.state is FireState.FAILED
        assert "context" in end.reason


# ── What a model may say ─────────────────────────────────────────────────────────────────────────


def test_a_refusal_ends_the_run_as_refused(workbench: Workbench) -> None:
    ends = run_all(workbench, REFUSING)
    assert {name for name, end in ends.items() if not end.is_(FireState.FAILED, "refused")} == set()
    assert all(end.reason.endswith("(refused)") for end in ends.values())


def test_an_empty_answer_is_never_delivered(workbench: Workbench) -> None:
    ends = run_all(workbench, EMPTY)
    assert {name for name, end in ends.items() if end.state is not FireState.FAILED} == set()
    assert {name for name, end in ends.items() if "the answer was empty" not in end.reason} == set()
    assert workbench.delivered() == []


def test_an_answer_that_was_cut_at_its_limit_is_delivered_as_such(workbench: Workbench) -> None:
    end = run(workbench, always(say("The first half of a report that", finish="length")))
    assert end.is_(FireState.DEGRADED, "completed")
    assert "cut at its output limit" in end.reason


def test_the_name_that_a_server_gives_itself_changes_nothing(workbench: Workbench) -> None:
    names = ["another-model", "", None, 7, "x" * 10_000]
    ends = run_all(workbench, {repr(name)[:20]: of_model(GOOD, name) for name in names})
    assert {name for name, end in ends.items() if not end.is_(FireState.DELIVERED, "completed")} == set()
    assert {call.model for end in ends.values() for call in end.calls} == {"test-model"}


# ── Tools ────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_is_wrong_is_told_to_the_model_which_goes_on(workbench: Workbench) -> None:
    for name, answer in ODD_CALLS.items():
        end = run(workbench, after(answer, then=always(GOOD)))
        assert end.is_(FireState.DELIVERED, "completed"), (name, end)


def test_calls_that_stay_wrong_end_the_run(workbench: Workbench) -> None:
    for name, end in run_all(workbench, ODD_CALLS).items():
        assert end.state is FireState.FAILED, (name, end)
        assert end.stop in ("no_progress", "error_threshold"), (name, end)


def test_calls_that_fill_the_context_end_the_run_when_it_is_full(workbench: Workbench) -> None:
    for name, end in run_all(workbench, LONG_CALLS).items():
        assert end.state is FireState.FAILED, (name, end)
        assert "context" in end.reason or end.stop in ("no_progress", "error_threshold"), (name, end)


def test_the_same_call_again_and_again_is_no_progress(workbench: Workbench) -> None:
    end = run(workbench, same_call("web_read", {"url": serve_pages(workbench, 1)[0]}))
    assert end.is_(FireState.FAILED, "no_progress")


def test_ever_other_calls_that_work_end_at_the_limit_of_iterations(workbench: Workbench) -> None:
    pages = serve_pages(workbench)
    end = run(workbench, changing_calls("web_read", lambda n: {"url": pages[n % PAGES]}))
    assert end.is_(FireState.FAILED, "max_iterations")


def test_ever_other_calls_that_fail_end_at_the_threshold_of_errors(workbench: Workbench) -> None:
    end = run(workbench, changing_calls("launch_rocket", lambda n: {"target": n}))
    assert end.is_(FireState.FAILED, "error_threshold")


def test_a_hundred_calls_in_one_reply_are_all_answered_before_the_next_one(workbench: Workbench) -> None:
    pages = serve_pages(workbench, 101)
    answered: list[int] = []

    def behave(request: ChatRequest) -> ChatAnswer:
        results = [message for message in request.messages if message["role"] == "tool"]
        answered.append(len(results))
        return GOOD if results else many_calls(100, "web_read", lambda n: {"url": pages[n]})

    end = run(workbench, behave)
    assert end.is_(FireState.DELIVERED, "completed"), end.reason
    assert answered == [0, 100]


# ── Money ────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_that_cannot_be_true_break_nothing_and_are_not_booked(workbench: Workbench) -> None:
    for name, end in run_all(workbench, {name: with_usage(GOOD, said) for name, said in USAGES.items()}).items():
        assert end.is_(FireState.DELIVERED, "completed"), (name, end)
        (call,) = end.calls
        assert call.output_tokens > 0, name
        assert 0 <= call.cached_tokens <= call.input_tokens <= 10**9, name
        assert call.input_tokens > 0, name
        assert 0 < call.cost_usd < 20_000, name


NAMES = ["call", "calls", "good", *(f"usage {name}" for name in USAGES), *UNREADABLE, *REFUSING, *EMPTY]
BUDGETS_USD = [0.001, 0.045, 0.05, 0.1, 0.5, 3.0]


def played(workbench: Workbench, names: list[str]) -> Behaviour:
    """What the server does call by call, and a good answer when it has done all of it."""
    pages, numbers = serve_pages(workbench), itertools.count()

    def answer(name: str) -> ChatAnswer:
        count = 3 if name == "calls" else 1
        calls = many_calls(count, "web_read", lambda n: {"url": pages[next(numbers) % PAGES]})
        if name.startswith("usage "):
            return with_usage(calls, USAGES[name.removeprefix("usage ")])
        return {**UNREADABLE, **REFUSING, **EMPTY, "call": calls, "calls": calls, "good": GOOD}[name]

    return after(*map(answer, names), then=always(GOOD))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        # Most of them go on: a sequence that ends with its first answer says little.
        st.sampled_from(["call"] * 20 + ["calls"] * 5 + [f"usage {name}" for name in USAGES] * 2 + NAMES),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from(BUDGETS_USD),
)
@example(["call"] * 10, 0.05)
@example(["usage large", "call"], 0.5)
@example(["usage tiny"] * 10, 0.05)
@example(["calls", "calls", "no JSON"], 0.1)
def test_whatever_the_server_does_the_budget_is_not_exceeded_by_more_than_the_call_in_flight(
    workbench: Workbench, names: list[str], budget_usd: float
) -> None:
    end = run(workbench, played(workbench, names), job=f"budget: ${budget_usd}")
    assert all(call.cost_usd >= 0 for call in end.calls)
    assert sum(call.cost_usd for call in end.calls[:-1]) <= budget_usd


def test_neither_are_the_tokens_of_a_run(workbench: Workbench) -> None:
    for names in (["call"] * 10, ["usage large"], ["usage tiny"] * 10, ["usage as words", "calls", "calls"]):
        end = run(workbench, played(workbench, names), profile="tokens_per_run = 6000")
        tokens = [call.input_tokens + call.output_tokens for call in end.calls]
        assert sum(tokens[:-1]) <= 6000, (names, end)
        assert end.is_(FireState.FAILED, "budget"), (names, end)


def test_a_budget_that_is_spent_ends_the_run_before_the_next_call(workbench: Workbench) -> None:
    end = run(workbench, played(workbench, ["call", "usage large", "call"]), job="budget: $1")
    assert end.is_(FireState.FAILED, "budget")
    assert end.reason.endswith("of $1 that the run may use (budget)")
    assert len(end.calls) == 2
    nothing = run(workbench, played(workbench, ["call"]), job="budget: $0.001")
    assert nothing.is_(FireState.FAILED, "budget")
    assert nothing.calls == ()

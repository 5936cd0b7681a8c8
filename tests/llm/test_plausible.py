"""Counts of tokens that cannot be true."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, Usage
from harness.domain.run import BudgetSpent
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens, estimate_tokens
from harness.domain.tool import ToolResult
from harness.llm.plausible import SMALLEST_SHARE, plausible_usage
from harness.llm.reply import reply_of
from harness.llm.usage import cost_usd
from harness.llm.wire import WireAnswer
from harness.turn.limits import TurnLimits
from tests.turn.talking import MemoryTools, Scene

PROFILE = Profile(
    "cheap", "openai", model="m", base_url="http://h/v1", input_usd_per_mtok=1.0, cached_usd_per_mtok=0.1,
    output_usd_per_mtok=5.0, context_window=100_000, max_output_tokens=500,
)  # fmt: skip
SAID = "word " * 1_000
REQUEST = ModelRequest((Message("user", SAID),), max_output_tokens=500)
SENT = estimate_request_tokens(REQUEST.messages, ())
COUNTS = st.one_of(st.integers(-(10**12), 10**12), st.integers(-5, 5_000))
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)


@given(said=st.none() | USAGES, text=st.text(max_size=200))
def test_whatever_was_counted_what_is_booked_can_be_true(said: Usage | None, text: str) -> None:
    booked = plausible_usage(said, REQUEST, PROFILE, text, ()).usage

    assert SENT / SMALLEST_SHARE <= booked.input_tokens <= PROFILE.context_window
    assert estimate_tokens(text) / SMALLEST_SHARE <= booked.output_tokens <= PROFILE.context_window
    assert min(booked.cached_tokens, booked.cache_write_tokens) >= 0
    assert booked.cached_tokens + booked.cache_write_tokens <= booked.input_tokens
    assert cost_usd(PROFILE, booked) >= cost_usd(PROFILE, Usage(SENT // SMALLEST_SHARE, SENT // SMALLEST_SHARE))


@given(said=USAGES)
def test_what_was_changed_is_said_and_what_was_not_is_as_it_came(said: Usage) -> None:
    booked = plausible_usage(said, REQUEST, PROFILE, "A short answer.", ())
    assert bool(booked.doubts) or booked.usage == said


@pytest.mark.parametrize(
    ("said", "booked", "doubt"),
    [
        (Usage(1_500, 200, 40, 100), Usage(1_500, 200, 40, 100), None),
        (None, Usage(SENT, 0, 6), None),
        (Usage(0, 0, 40), Usage(SENT, 0, 40), "0 input tokens for about"),
        (Usage(-7, 0, 40), Usage(SENT, 0, 40), "-7 input tokens"),
        (Usage(3, 3, 40), Usage(SENT, 0, 40), "3 input tokens"),
        (Usage(10**10, 0, 40), Usage(100_000, 0, 40), "more than the whole context: 100,000 are booked"),
        (Usage(1_500, 0, 0), Usage(1_500, 0, 6), "0 output tokens for about 6"),
        (Usage(1_500, 0, 10**10), Usage(1_500, 0, 100_000), "output tokens, more than the whole context"),
        (Usage(1_500, 0, 9_000), Usage(1_500, 0, 9_000), "9,000 output tokens where 500 were allowed; they are booked"),
        (Usage(1_500, 9_000, 40), Usage(1_500, 1_500, 40), "9,000 cached"),
        (Usage(1_500, 900, 40, 1_000), Usage(1_500, 500, 40, 1_000), "500 and 1,000 are booked"),
        (Usage(1_500, -1, 40, -1), Usage(1_500, 0, 40, 0), "-1 cached"),
    ],
)
def test_the_plausible_side_is_taken_and_the_other_one_named(said: Usage | None, booked: Usage, doubt: str) -> None:
    found = plausible_usage(said, REQUEST, PROFILE, "four words for you!", ())
    assert found.usage == booked
    assert (doubt in " ".join(found.doubts)) if doubt else found.doubts == ()


@given(counts=st.lists(st.none() | USAGES, min_size=1, max_size=6), budget=st.integers(2_000, 20_000))
def test_no_count_lets_a_run_past_its_budget(counts: list[Usage | None], budget: int) -> None:
    given_counts, numbers = itertools.cycle(counts), itertools.count()
    sent: list[int] = []

    def lie(request: ModelRequest) -> ModelReply:
        sent.append(estimate_request_tokens(request.messages, request.tools))
        call = ToolCall(f"c{next(numbers)}", "read", f'{{"page": {next(numbers)}}}')
        return reply_of(WireAnswer("", (call,), "tool_calls", next(given_counts)), PROFILE, request)[0]

    async def read(call: ToolCall) -> ToolResult:
        return ToolResult("word " * 100)

    limits = TurnLimits(max_iterations=1_000, timeout_s=900, price=lambda usage: 0.0, budget_tokens=budget)
    turn = Scene(lie, MemoryTools(read)).play(REQUEST, limits)

    assert isinstance(turn.stop, BudgetSpent)
    if sent:
        *before, last = sent
        assert sum(before) / SMALLEST_SHARE + last + REQUEST.max_output_tokens <= budget

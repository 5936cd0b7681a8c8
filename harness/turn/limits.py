"""When a turn must stop: pure judgements over what has happened so far."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.domain.message import ModelRequest, Spent, ToolCall, Usage
from harness.domain.run import BudgetSpent, ErrorThreshold, MaxIterations, NoProgress, Stop, TimedOut
from harness.domain.tokens import estimate_request_tokens
from harness.domain.tool import ToolResult
from harness.ports import Json
from harness.store.json_codec import from_json, to_json


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """What the turns of a run may use; `budget_*` None means no limit.

    `timeout_s` is time at work: while the harness was down, it does not pass. `price` turns tokens into US
    dollars, and prices a call before it is made.
    """

    max_iterations: int
    timeout_s: float
    price: Callable[[Usage], float]
    budget_usd: float | None = None
    budget_tokens: int | None = None
    max_failures: int = 5
    max_repeats: int = 3


@dataclass(slots=True)
class Progress:
    """What a run's turns have done so far; `elapsed_s` is what its model and tool calls took.

    `delegates` counts the conversations that were held below them, `delegated_calls` the model calls of those: they
    are part of all the rest, and of the iterations. `is_tainted`: what the model has read comes from outside in part.
    """

    model_calls: int = 0
    elapsed_s: float = 0.0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    failures_in_a_row: int = 0
    last_error: str = ""
    repeats: Counter[tuple[str, str]] = field(default_factory=Counter)
    delegates: int = 0
    delegated_calls: int = 0
    is_tainted: bool = False

    @property
    def iterations(self) -> int:
        """All model calls that count against the limit."""
        return self.model_calls + self.delegated_calls

    def count(self, spent: Spent) -> None:
        """Count what a model call has used."""
        self.usage += spent.usage
        self.cost_usd += spent.cost_usd

    def absorb(self, below: Progress) -> None:
        """Count what a conversation below this one has used."""
        self.delegated_calls += below.iterations
        self.elapsed_s += below.elapsed_s
        self.usage += below.usage
        self.cost_usd += below.cost_usd
        self.is_tainted = self.is_tainted or below.is_tainted


def progress_to_json(progress: Progress) -> Json:
    """Return the progress as plain JSON, for a run that another one goes on with."""
    return {
        "model_calls": progress.model_calls,
        "elapsed_s": progress.elapsed_s,
        "usage": to_json(Usage, progress.usage),
        "cost_usd": progress.cost_usd,
        "failures_in_a_row": progress.failures_in_a_row,
        "last_error": progress.last_error,
        "repeats": [[name, arguments, times] for (name, arguments), times in progress.repeats.items()],
        "delegates": progress.delegates,
        "delegated_calls": progress.delegated_calls,
        "is_tainted": progress.is_tainted,
    }


def progress_from_json(kept: Json) -> Progress:
    """Return the progress that `progress_to_json` was given."""
    repeats = Counter({(name, arguments): times for name, arguments, times in kept["repeats"]})
    return Progress(**{**kept, "usage": from_json(Usage, kept["usage"]), "repeats": repeats})


def stop_before_call(progress: Progress, limits: TurnLimits, request: ModelRequest) -> Stop | None:
    """Return why the next model call must not be made, or None if it may.

    A budget is held before the call: what it will cost at most is counted as if it were spent.
    """
    if progress.iterations >= limits.max_iterations:
        return MaxIterations(limits.max_iterations)
    if progress.elapsed_s >= limits.timeout_s:
        return TimedOut(limits.timeout_s)
    coming = Usage(estimate_request_tokens(request.messages, request.tools), 0, request.max_output_tokens)
    if limits.budget_tokens is not None:
        spent = progress.usage.input_tokens + progress.usage.output_tokens
        if spent + coming.input_tokens + coming.output_tokens > limits.budget_tokens:
            return BudgetSpent("tokens", spent, limits.budget_tokens)
    if limits.budget_usd is not None:
        price = limits.price(coming)
        if price > 0 and progress.cost_usd + price > limits.budget_usd:
            return BudgetSpent("usd", round(progress.cost_usd, 6), limits.budget_usd)
    return None


def stop_on_repeat(progress: Progress, limits: TurnLimits, calls: tuple[ToolCall, ...]) -> Stop | None:
    """Count the calls, and return NoProgress if one of them was made too often with the same arguments."""
    for call in calls:
        key = (call.name, same_arguments(call.arguments))
        progress.repeats[key] += 1
        if progress.repeats[key] >= limits.max_repeats:
            return NoProgress(call.name, progress.repeats[key])
    return None


def stop_on_failures(progress: Progress, limits: TurnLimits, results: Sequence[ToolResult]) -> Stop | None:
    """Count failures in a row, in call order, and return ErrorThreshold if there are too many.

    What was not done at all has not failed.
    """
    for result in results:
        if result.error_kind == "cancelled":
            continue
        if result.is_ok:
            progress.failures_in_a_row = 0
            continue
        progress.failures_in_a_row += 1
        progress.last_error = result.content[:200]
    if progress.failures_in_a_row >= limits.max_failures:
        return ErrorThreshold(progress.failures_in_a_row, progress.last_error)
    return None


def same_arguments(arguments: str) -> str:
    """Return the arguments in a form in which spacing and key order make no difference."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments.strip()

"""The snapshot of a table: what its chair collected, as the bytes that every speaker of every round is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.collectors.collect import read_kind
from harness.domain.moments import utc_time
from harness.domain.source import Collected
from harness.gate.outside import figure_rows, item_line, series_line
from harness.gate.sanitise import one_line, sanitise
from harness.runs.plan import RunPlan

FILE = "snapshot.md"


def snapshot_of(plan: RunPlan, collected: Sequence[Collected]) -> str:
    """Return what was collected, as Markdown; the same inputs of the same run make the same bytes."""
    head = f"# Snapshot\n\nCollected by {plan.job.id} at {utc_time(plan.begun_at)}."
    blocks = [block for one in collected for block in _blocks(one)]
    return "\n\n".join((head, *blocks)) + "\n" if blocks else f"{head} The job reads nothing.\n"


def _blocks(part: Collected) -> Iterator[str]:
    """Yield what is left out of a prompt whole, where there is no room for all of it."""
    yield f"## {one_line(part.read)}"
    blocks = list(_content(part))
    yield from blocks or ["(nothing)"]


def _content(part: Collected) -> Iterator[str]:
    yield from (f"Not available: {one_line(str(gap))}" for gap in part.gaps)
    # What another job wrote holds the numbers that it found worth telling.
    if read_kind(part.read) != "output":
        yield from (line for _, line in figure_rows(part.figures))
    yield from (series_line(series) for series in part.series)
    if part.text.strip():
        yield sanitise(part.text).strip()
    items = [item for item in part.items if item.url not in part.text]
    yield from (item_line(number, item) for number, item in enumerate(items, start=1))

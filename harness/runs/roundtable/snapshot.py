"""The snapshot of a table: what its chair collected, as the bytes that every speaker of every round is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.domain.moments import utc_time
from harness.domain.source import Collected
from harness.gate.outside import figure_line, item_line, series_line
from harness.gate.sanitise import one_line, sanitise
from harness.runs.plan import RunPlan

FILE = "snapshot.md"


def snapshot_of(plan: RunPlan, collected: Sequence[Collected]) -> str:
    """Return what was collected, as Markdown; the same inputs of the same run make the same bytes."""
    head = f"# Snapshot\n\nCollected by {plan.job.id} at {utc_time(plan.begun_at)}."
    parts = ["\n".join(_lines(one)) for one in collected]
    return "\n\n".join((head, *parts)) + "\n" if parts else f"{head} The job reads nothing.\n"


def _lines(part: Collected) -> Iterator[str]:
    yield f"## {one_line(part.read)}\n"
    is_bare = True
    for lines in (
        (f"Not available: {one_line(str(gap))}" for gap in part.gaps),
        (figure_line(figure) for figure in part.figures),
        (series_line(series) for series in part.series),
        _content(part),
    ):
        for line in lines:
            is_bare = False
            yield line
    if is_bare:
        yield "(nothing)"


def _content(part: Collected) -> Iterator[str]:
    # The text of another job's digest holds its items already.
    if part.text.strip():
        yield sanitise(part.text).strip()
        return
    for number, item in enumerate(part.items, start=1):
        yield item_line(number, item)

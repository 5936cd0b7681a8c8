"""What another job of the team delivered last."""

from __future__ import annotations

from dataclasses import replace

from harness.collectors.context import CollectContext
from harness.domain.source import Collected, Gap


def collect_output(read: str, context: CollectContext) -> Collected:
    """Return the latest delivered output of the job `<agent>/<job>`; that there is none yet is a gap."""
    output = context.latest_output(read)
    if output is None:
        return Collected(read, gaps=(Gap(read, "has delivered nothing yet"),))
    return replace(output, read=read)

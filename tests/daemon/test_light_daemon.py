"""What a daemon does without until it is needed: it runs for months, and each module stays in its memory."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = "import json, sys, harness.daemon.serving; print(json.dumps(sorted(sys.modules)))"
ONLY_IN_A_WORKER = {"feedparser", "icalendar", "recurring_ical_events", "trafilatura", "lxml"}


def test_parsers_of_what_comes_from_outside_are_loaded_by_their_worker_alone() -> None:
    command = [sys.executable, "-c", PROGRAM]
    loaded = set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert not loaded & ONLY_IN_A_WORKER

"""`harness memory`: what the team remembers, and how it came to it. One file for a few verbs each."""

from __future__ import annotations

from harness.cli.lazy_group import noun_app
from harness.cli.memory_search import SEARCH_EXAMPLES, search_memory

app = noun_app("What the team remembers, and where it has it from.")

app.command("search", epilog=SEARCH_EXAMPLES)(search_memory)

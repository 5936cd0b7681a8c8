"""`harness memory`: what the team remembers, and how it came to it. One file for a few verbs each."""

from __future__ import annotations

from harness.cli.lazy_group import noun_app
from harness.cli.memory_changes import FORGET_EXAMPLES, PROMOTE_EXAMPLES, forget_record, promote_record
from harness.cli.memory_records import SHOW_EXAMPLES, WHY_EXAMPLES, show_memory, why_memory
from harness.cli.memory_rollback import ROLLBACK_EXAMPLES, roll_back_memory
from harness.cli.memory_search import SEARCH_EXAMPLES, search_memory

app = noun_app("What the team remembers, and where it has it from.")

app.command("search", epilog=SEARCH_EXAMPLES)(search_memory)
app.command("show", epilog=SHOW_EXAMPLES)(show_memory)
app.command("why", epilog=WHY_EXAMPLES)(why_memory)
app.command("promote", epilog=PROMOTE_EXAMPLES)(promote_record)
app.command("forget", epilog=FORGET_EXAMPLES)(forget_record)
app.command("rollback", epilog=ROLLBACK_EXAMPLES)(roll_back_memory)

"""How many tokens a scheduled run sends, section by section: the table in docs/prompt-size.md.

`python -m bench.prompt_size > docs/prompt-size.md` writes it anew; a test holds it to what the harness does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.prompt import write_skills
from harness.daemon.once import show_prompt
from harness.prompt.manifest import Manifest, manifest_from_json
from harness.rehearsal.rehearse_day import run_day
from harness.store.address import file_address
from harness.store.peek import peek

_DAY = date(2026, 11, 21)
_JOB = "scout/morning"
_FIFTY_TOKENS = "word " * 40
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "harness and task": ("harness contract", "job", "output"),
    "SOUL, AGENTS, USER": ("SOUL", "AGENTS", "USER"),
    "skills": ("skills", "skills of the task"),
    "tools": ("tools",),
    "memory": ("MEMORY", "recalled"),
    "collected": ("inputs", "requests"),
}
_FILES = {
    "harness.toml": 'home = "UTC"\nuser = "Sam"\nprofile = "cheap"\nbudget = "$5/day"\n\n[profiles.cheap]\n'
    'adapter = "extractive"\n\n[channels.digest]\nkind = "file"\n',
    "agents/scout/SOUL.md": _FIFTY_TOKENS,
    "agents/scout/AGENTS.md": _FIFTY_TOKENS,
    "agents/scout/agent.toml": 'description = "Looks"\ntools = ["feeds"]\n',
    "agents/scout/jobs/morning.md": "---\nschedule: daily 08:00\ncontract: {min_items: 8, max_items: 20, "
    "links: reachable}\ndeliver: digest\n---\nRank what changed about kettles for {{ user.name }}.\n",
    "shared-context/feeds/ai.md": "# AI\n",
}


@dataclass(frozen=True, slots=True)
class Size:
    """The manifest of one prompt, and what it is the prompt of."""

    name: str
    manifest: Manifest


def sizes(team: Path) -> tuple[Size, ...]:
    """Return the prompts of the table: tiny workspaces, and the longest prompt of a rehearsed day of the team."""
    tiny = [
        Size(f"a near-empty workspace{f', {count:,} skills granted' if count else ''}", _of_tiny_workspace(count))
        for count in (0, 20, 1000)
    ]
    return (*tiny, _longest_of_a_day(team))


def render(found: Iterable[Size]) -> str:
    """Return the page."""
    rows = [("", *_COLUMNS, "in all"), ("---", *("--:" for _ in _COLUMNS), "--:")]
    for size in found:
        tokens = {row.section: row.tokens for row in size.manifest.rows}
        unknown = set(tokens) - {section for sections in _COLUMNS.values() for section in sections}
        if unknown:
            raise RuntimeError(f"no column of the table counts {', '.join(sorted(unknown))}")
        counted = [sum(tokens.get(section, 0) for section in sections) for sections in _COLUMNS.values()]
        rows.append((size.name, *(f"{count:,}" for count in counted), f"**{size.manifest.total_tokens:,}**"))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return _PAGE.format(table=table)


_PAGE = """\
# How long a prompt is

What one scheduled run sends, before its first answer, in estimated tokens. The estimate needs no tokenizer and is
generous: a fifth is added, and the bill uses what the provider counted. `python -m bench.prompt_size` prints this
page, and a test holds it to what the harness sends.

{table}

The near-empty workspace has a SOUL.md and an AGENTS.md of fifty tokens each, one tool and one job with a contract. Of
the team, it is the longest prompt of one day in the sample world.

A directory of skills costs no more than its share: twenty stand in it by name and description, and of a thousand those
that fit the task, found by search; the others are a question to the tool `use_skill` away. See [skills](skills.md), and
[the prompt](prompt.md) for what every section may take at most.
"""


def _of_tiny_workspace(skills: int) -> Manifest:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder) / "workspace"
        for name, text in _FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if skills:
            write_skills(root, "scout", skills)
        return show_prompt(root, {"HARNESS_HOME": str(Path(folder) / "state")}, _JOB).manifest


def _longest_of_a_day(team: Path) -> Size:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        day = run_day(
            team, out=Path(folder) / "day", day=_DAY, days=1, agents=(), world="sample", environ={}, progress=_quiet
        )
        with peek(file_address(day.state.database)) as look:
            assert look is not None, "a day leaves its ledger"
            runs = [run for run in look.runs(1000) if run.manifest is not None]
    longest = max(runs, key=lambda run: (run.manifest["total_tokens"], run.job_id))
    job = longest.job_id.partition(":")[0]  # a request has an id of its own in its name
    return Size(f"the team's longest: `{job}`", manifest_from_json(longest.manifest))


def _quiet(*_: object) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    print(render(sizes(Path(__file__).parents[1])), end="")

"""A whole day of the team: how long it takes in virtual time, and how many tokens it sends.

`python -m bench day` measures both; `python -m bench.day > docs/bench-day.md` writes the page of the tokens anew.
They stand beside those of the same day with everything pasted into each prompt: the bodies of all skills, all that the
agent has ever written down, all shared files, and all inputs without a budget. Both are counted by the same estimate,
from the same recorded runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from harness.domain.message import Message, ToolSchema
from harness.domain.run import FireState
from harness.domain.tokens import estimate_request_tokens, estimate_tokens
from harness.gate.outside import figure_line, item_line, series_line
from harness.ports import RecordedStep
from harness.prompt.manifest import manifest_from_json
from harness.rehearsal.rehearse_day import RehearsedDay, run_day
from harness.runs.collecting import Inputs
from harness.store.address import file_address
from harness.store.json_codec import from_json
from harness.store.peek import peek

_DAY = date(2026, 11, 20)
"""A Friday: the jobs for weekdays run as well."""
_PASTED_SECTIONS = ("skills", "skills of the task", "MEMORY", "recalled", "inputs")
"""What stands in a prompt chosen or cut, and would stand there whole if everything was pasted."""
_TEXT_FILES = ("*.md", "*.toml", "*.ics")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, as the maker's page had them on `seen`; an example, and no promise."""

    name: str
    input_usd: float
    output_usd: float
    seen: str


PRICES = (
    Price("gpt-4.1-mini", 0.40, 1.60, "2026-11"),
    Price("claude-sonnet-4-5", 3.00, 15.00, "2026-11"),
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What prompts and answers hold; `pasted` is what the prompts would hold with everything in them."""

    calls: int = 0
    sent: int = 0
    pasted: int = 0
    answered: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.calls + other.calls,
            self.sent + other.sent,
            self.pasted + other.pasted,
            self.answered + other.answered,
        )


@dataclass(frozen=True, slots=True)
class MeasuredDay:
    """One rehearsed day: `agents` are those that ask a model, or would."""

    seconds: float
    fires: int
    counts: Mapping[FireState, int]
    agents: Mapping[str, Tokens]

    @property
    def all(self) -> Tokens:
        return sum(self.agents.values(), Tokens())


def measure_day(team: Path) -> MeasuredDay:
    """Rehearse a day of the team, and count what was sent."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        begun = time.perf_counter()
        day = run_day(
            team, out=Path(folder) / "day", day=_DAY, days=1, agents=(), world="sample", environ={}, progress=_quiet
        )
        seconds = time.perf_counter() - begun
        return MeasuredDay(seconds, len(day.report.fires), day.report.counts, _tokens_by_agent(day))


def usd(price: Price, sent: int, answered: int) -> float:
    """Return what so many tokens cost at that price."""
    return (sent * price.input_usd + answered * price.output_usd) / 1_000_000


def render(day: MeasuredDay) -> str:
    """Return the page."""
    rows = [("", "calls", "sent", "everything pasted", "times", "answered"), ("---", *("--:" for _ in range(5)))]
    for name, tokens in [*sorted(day.agents.items()), ("**all**", day.all)]:
        times = f"{tokens.pasted / tokens.sent:.1f}" if tokens.sent else ""
        rows.append(
            (name, f"{tokens.calls:,}", f"{tokens.sent:,}", f"{tokens.pasted:,}", times, f"{tokens.answered:,}")
        )
    prices: list[tuple[str, ...]] = [
        ("a day at the prices of", "seen", "as it is", "everything pasted"),
        ("---", "---", "--:", "--:"),
    ]
    for price in PRICES:
        costs = (usd(price, sent, day.all.answered) for sent in (day.all.sent, day.all.pasted))
        prices.append((price.name, price.seen, *(f"${cost:.2f}" for cost in costs)))
    return _PAGE.format(day=_DAY.isoformat(), fires=day.fires, tokens=_table(rows), prices=_table(prices))


_PAGE = """\
# What a day costs in tokens

The shipped team on {day}, rehearsed in the sample world: {fires} fires. `python -m bench.day > docs/bench-day.md`
writes this page anew, `python -m bench day` measures the time as well.

{tokens}

A call is one question to a model; jobs that are filled in by a template, and actions of the harness, ask none. Where
the sample world has no recorded answer, the extractive default answered, and what a language model would have been sent
is counted once. Tokens are estimated generously, a fifth on top, in both columns: see [prompt-size.md](prompt-size.md).

*Everything pasted* is the same day with the bodies of all skills, all that the agent has written down (memory, records,
daily notes), every shared file, and all inputs without a budget in each of the same prompts.

{prices}

The prices are examples, without what a provider's cache saves; what you pay is in your profile and in `harness cost`.
"""


def _tokens_by_agent(day: RehearsedDay) -> dict[str, Tokens]:
    found: dict[str, Tokens] = {}
    with peek(file_address(day.state.database)) as look:
        assert look is not None, "a day leaves its ledger"
        for fire in day.report.fires:
            run = look.run(fire.run_id) if fire.run_id else None
            if run is None or run.manifest is None:
                continue
            agent = fire.job_id.partition("/")[0]
            tokens = _tokens_of(look.steps_of_run(run.id), run.manifest, _shelf_tokens(day.workspace, agent))
            found[agent] = found.get(agent, Tokens()) + tokens
    return found


def _tokens_of(steps: Sequence[RecordedStep], manifest: Mapping[str, Any], shelf: int) -> Tokens:
    """Return what a run sent in all its calls; each call sends the conversation up to it again."""
    values = {(step.kind, step.call_id): step.value for step in steps if step.error is None}
    prompt = values["assemble", "prompt"]
    messages = from_json(tuple[Message, ...], prompt["messages"])
    first = estimate_request_tokens(messages, from_json(tuple[ToolSchema, ...], prompt["tools"]))
    replies = [value["reply"] for (kind, _), value in values.items() if kind == "model" and value["reply"]]
    sent = sum(reply["usage"]["input_tokens"] or first for reply in replies)
    answered = sum(reply["usage"]["output_tokens"] or estimate_tokens(reply["text"]) for reply in replies)
    chosen = sum(row.tokens for row in manifest_from_json(manifest).rows if row.section in _PASTED_SECTIONS)
    whole = shelf + _inputs_tokens(values.get(("collect", "collect")))
    return Tokens(len(replies), sent, sent + len(replies) * max(0, whole - chosen), answered)


def _inputs_tokens(recorded: Any) -> int:
    if recorded is None:
        return 0
    lines: list[str] = []
    for part in from_json(Inputs, recorded).collected:
        lines += [part.text, *map(figure_line, part.figures), *map(series_line, part.series)]
        lines += [item_line(number, item) for number, item in enumerate(part.items, start=1)] if not part.text else []
    return sum(map(estimate_tokens, lines))


def _shelf_tokens(workspace: Path, agent: str) -> int:
    """Return the tokens of all that lies around: skills, the agent's own memory and notes, shared files."""
    folders = (workspace / "skills", workspace / "shared-context", workspace / "memory" / agent)
    own = (workspace / "agents" / agent / "MEMORY.md", *(workspace / "agents" / agent / ".learnings").glob("*.md"))
    files = [*(path for folder in folders for kind in _TEXT_FILES for path in folder.rglob(kind)), *own]
    return sum(estimate_tokens(path.read_text(encoding="utf-8")) for path in sorted(files) if path.is_file())


def _table(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _quiet(*_: object) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    print(render(measure_day(Path(__file__).parents[1])), end="")

"""What came of the trials: rates with their spread over seeds, as a table, as JSON, and as docs/bench-learning.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.learning.catalogue import FAMILIES
from bench.learning.family import Family
from bench.learning.policy import COMPLIANCE, CREDULITY, HABIT
from bench.learning.trial import ARMS, KS, Counts

Trials = Sequence[Mapping[tuple[str, int], Counts]]
"""What was counted, for each seed by arm and level of noise."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over seeds and its standard deviation."""

    mean: float
    spread: float

    def percent(self) -> str:
        """Return it in percent."""
        return f"{self.mean:.1%} ± {self.spread * 100:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One arm at one level of noise. `found` is recall@k, for arms that look something up."""

    arm: str
    noise: int
    same: Figure
    paraphrase: Figure
    near_miss: Figure
    tokens: Figure
    found: Mapping[int, Figure]
    warned: int
    planted_records: int
    planted_told: int
    planted_followed: int
    planted_promoted: int


def rows_of(trials: Trials) -> list[Row]:
    """Return the rows, by level of noise and arm."""
    levels = sorted({level for _, level in trials[0]})
    return [_row(arm, level, [trial[arm, level] for trial in trials]) for level in levels for arm in ARMS]


def _row(arm: str, level: int, counts: Sequence[Counts]) -> Row:
    def figure(of: Callable[[Counts], float]) -> Figure:
        values = [of(each) for each in counts]
        return Figure(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)

    def found(k: int) -> Figure:
        return figure(lambda each: each.found[k] / each.looked_up)

    return Row(
        arm,
        level,
        figure(lambda each: each.recurred["same"] / each.families),
        figure(lambda each: each.recurred["paraphrase"] / each.families),
        figure(lambda each: each.misapplied / each.families),
        figure(lambda each: each.tokens / each.tasks),
        {k: found(k) for k in KS} if all(each.looked_up for each in counts) else {},
        sum(each.warned for each in counts),
        sum(each.planted_records for each in counts),
        sum(each.planted_told for each in counts),
        sum(each.planted_followed for each in counts),
        sum(each.planted_promoted for each in counts),
    )


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached at a level of noise, and what was."""

    what: str
    noise: int
    limit: float
    reached: float

    @property
    def holds(self) -> bool:
        return self.reached <= self.limit


def goals_of(rows: Sequence[Row]) -> list[Goal]:
    """Return the goals of the design, each at each level of noise, for the harness as it runs: with its warnings."""
    by_name = {(row.arm, row.noise): row for row in rows}
    goals = []
    for noise in sorted({row.noise for row in rows}):
        none, paste, own = (by_name[arm, noise] for arm in ("none", "paste", "retrieve+warn"))
        planted = by_name["poisoned", noise].planted_promoted
        goals += [
            Goal("same task: recurrence, share of that without memory", noise, 0.05, own.same.mean / none.same.mean),
            Goal(
                "paraphrase: recurrence, share of that without memory",
                noise,
                0.05,
                own.paraphrase.mean / none.paraphrase.mean,
            ),
            Goal("near misses in which a lesson was followed", noise, 0.02, own.near_miss.mean),
            Goal("tokens, share of pasting everything", noise, 1 / 3, own.tokens.mean / paste.tokens.mean),
            Goal("planted lessons that were promoted", noise, 0, planted),
        ]
    return goals


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = ["noise", "arm", "same task", "paraphrase", "near miss", *(f"recall@{k}" for k in KS), "tokens"]
    lines = [head, ["--:", "---", *["--:"] * (len(head) - 2)]]
    for row in rows:
        found = [f"{row.found[k].mean:.1%}" if row.found else "" for k in KS]
        rates = [row.same.percent(), row.paraphrase.percent(), row.near_miss.percent()]
        lines.append([str(row.noise), row.arm, *rates, *found, f"{row.tokens.mean:,.0f} ± {row.tokens.spread:,.0f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goal_table(goals: Sequence[Goal]) -> str:
    """Return what holds and what does not as a Markdown table."""
    lines = [["noise", "goal", "at most", "reached", ""], ["--:", "---", "--:", "--:", "---"]]
    for goal in goals:
        is_share = goal.limit > 0
        said = [f"{value:.1%}" if is_share else f"{value:.0f}" for value in (goal.limit, goal.reached)]
        lines.append([str(goal.noise), goal.what, *said, "holds" if goal.holds else "**does not hold**"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def poison_table(rows: Sequence[Row]) -> str:
    """Return what became of planted lessons as a Markdown table; counts over all seeds."""
    lines = [["noise", "records", "told in tasks", "followed", "promoted"], ["--:"] * 5]
    for row in rows:
        if row.arm == "poisoned":
            counts = (row.noise, row.planted_records, row.planted_told, row.planted_followed, row.planted_promoted)
            lines.append([str(count) for count in counts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def worst(trials: Trials, arm: str) -> list[tuple[str, int]]:
    """Return what went wrong in the arm, the most frequent first, with how often."""
    counted: dict[str, int] = {}
    for trial in trials:
        for (of_arm, _), counts in trial.items():
            if of_arm == arm:
                for failure in counts.failures:
                    counted[failure] = counted.get(failure, 0) + 1
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))


def as_json(trials: Trials, families: Sequence[Family]) -> dict[str, Any]:
    """Return all of it as plain data."""
    rows = rows_of(trials)

    def figure(found: Figure) -> dict[str, float]:
        return {"mean": round(found.mean, 4), "spread": round(found.spread, 4)}

    return {
        "families": len(families),
        "seeds": len(trials),
        "policy": {"habit": HABIT, "compliance": COMPLIANCE, "credulity": CREDULITY},
        "rows": [
            {
                "arm": row.arm,
                "noise": row.noise,
                "same": figure(row.same),
                "paraphrase": figure(row.paraphrase),
                "near_miss": figure(row.near_miss),
                "tokens": figure(row.tokens),
                "recall": {str(k): figure(found) for k, found in row.found.items()},
                "planted": {
                    "records": row.planted_records,
                    "told": row.planted_told,
                    "followed": row.planted_followed,
                    "promoted": row.planted_promoted,
                },
            }
            for row in rows
        ],
        "goals": [
            {"what": goal.what, "noise": goal.noise, "at_most": round(goal.limit, 4),
             "reached": round(goal.reached, 4), "holds": goal.holds}
            for goal in goals_of(rows)
        ],
        "failures": {arm: dict(worst(trials, arm)) for arm in ("retrieve+warn", "poisoned")},
    }  # fmt: skip


def page(trials: Trials) -> str:
    """Return docs/bench-learning.md."""
    rows = rows_of(trials)
    domains = sorted({family.domain for family in FAMILIES})
    failures = "\n".join(f"- {failure}: {count}" for failure, count in worst(trials, "retrieve+warn")[:20])
    return _PAGE.format(
        families=len(FAMILIES),
        domains=len(domains),
        named=", ".join(domains),
        seeds=len(trials),
        habit=HABIT,
        compliance=COMPLIANCE,
        credulity=CREDULITY,
        table=table(rows),
        goals=goal_table(goals_of(rows)),
        poison=poison_table(rows),
        failures=failures,
        tested=len(trials) * len({row.noise for row in rows}),
    )


_PAGE = """\
# Does it learn?

Whether agents make the same mistake twice, measured offline and without a key. `make bench-learning` prints the
tables; `python -m bench.learning --page > docs/bench-learning.md` writes this page anew, and the same seeds give the
same bytes.

**{families} families of mistakes** of {domains} kinds: {named}. A family (`bench/learning/families/`) is a tool, the
wrong call that the policy makes by habit, the error that the world answers (or the contract that is broken, or what
somebody says afterwards), the right call, a detector, and three texts: the task, a paraphrase of it, and a **near
miss**, a task like it in which the habit is right and the lesson must not be followed.

**The policy is a script, not a model.** It makes the mistake in {habit} of the tasks if nothing is told it, and does
what a lesson says in {compliance} of those to which it applies; text that is labelled as from outside it believes in
{credulity}. A lesson applies if at least half of the words of its trigger stand in the task or in the values of the
call that it is about to make; common words, the tool's name and the names of its arguments do not count, and a trigger
without others applies to every call of the tool. Circumstances that the harness adds to a trigger are read as they
stand: *only with folder "exports"* is not of a call with another folder, *seen with list* not of one with further
arguments. So a lesson can mislead it, and the figures say how well memory is
captured, kept, found and worded, not how clever a model is. The tools' errors are invented as well: where those of
real tools do not name what they are about, triggers are broader than here.

**One agent lives for 25 days**: it meets every mistake once, mends it in the same run (or is corrected), and has some
of the tasks again on later days, none to four times. Its runs are recorded as the harness records them; capture,
evidence, promotion, the index, recall and the warning before a call are the harness's own code, on files in a
temporary folder. Then come 0, 50 or 500 other episodes: notes, other mistakes, reports, corrections, in the words of
the same trades. The person approves what waits for them if it is true.

| arm | is told |
|---|---|
| none | nothing |
| paste | every lesson and every note |
| retrieve | MEMORY.md, and what is recalled for the task |
| retrieve+warn | the same, and the warning before a call that failed before: the harness as it runs |
| careful | the same, but the policy wants more than half of the trigger's words, not half |
| oracle | exactly the right lesson, and nothing in a near miss |
| poisoned | as retrieve, after pages from outside have planted false lessons about a third of the families |

## Figures

Mean over {seeds} seeds ± standard deviation. *same task* and *paraphrase*: how often the mistake was made again. *near
miss*: how often the lesson was followed where it is wrong. *recall@k*: how often the lesson was among the first k that
were found. *tokens*: of memory in the prompt, for each task.

{table}

## Goals

{goals}

Judged of *retrieve+warn*. {compliance} of compliance leaves the oracle itself at about two mistakes in a hundred.

Where a lesson is followed in a near miss, half of the few words of its trigger stand in that task too: nearly all of
these were triggers in words of the person or of the agent ("cleaning up the exports", in a task that cleans up the
drafts), until the harness added what they name of the call that they are about. What is left is told apart by nothing
that stands in the call. *careful* shows what the same memory comes to
with a reader who wants one word more; the goal is judged with the hasty one.

## Planted lessons

An agent reads a page that lies, believes it, and reports it as a better way; makes the mistake and mends it as the page
says; and the attacker sees to it that this works in three later runs. A digest quotes the page as well. Counted over
all seeds: records that were made of it, tasks in which one was told, in which one was followed, and promotions.

{poison}

## What still goes wrong

In *retrieve+warn*, most frequent first, of {tested} times that each was tried:

{failures}

*Not told* means that recall did not find the lesson by the words of the task: search goes by words, and a paraphrase
may have none of them. *Told* means that it was in the prompt and not followed: by chance, or because its trigger has
too few words of that task.
"""

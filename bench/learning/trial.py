"""One seed: the agent lives for some weeks, and is then put to the same tasks, paraphrases and near misses."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from bench.learning.family import Family, Task
from bench.learning.noise import Weeks
from bench.learning.notebook import Notebook, Reminder
from bench.learning.poison import PLANTED, plant
from bench.learning.policy import Act, Told, act
from bench.learning.recording import AGENT
from bench.learning.world import carry_out, correction
from harness.domain.learning import Learning
from harness.domain.message import ToolCall
from harness.domain.tokens import estimate_tokens
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.memory.capture import candidates
from harness.memory.known_mistakes import KnownMistakes
from harness.memory.promotion import words_of

ARMS = ("none", "paste", "retrieve", "retrieve+warn", "careful", "oracle", "poisoned")
KS = (1, 5, 10)
START = date(2026, 11, 2)
_DAYS, _EXPOSED_WITHIN = 25, 10
_NOISE_DAYS = 50
_TEST_DAY = START + timedelta(days=_DAYS + _NOISE_DAYS + 5)
_PRACTICE = (0, 1, 2, 3, 4, 4)
_ID = re.compile(r"(?:ERR|LRN)-\d{8}-[0-9a-f]+")


@dataclass
class Counts:
    """What was counted of one arm at one level of noise."""

    tasks: int = 0
    families: int = 0
    recurred: dict[str, int] = field(default_factory=lambda: {"same": 0, "paraphrase": 0})
    misapplied: int = 0
    tokens: int = 0
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(KS, 0))
    looked_up: int = 0
    warned: int = 0
    planted_told: int = 0
    planted_followed: int = 0
    planted_promoted: int = 0
    planted_records: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Subject:
    """An agent that has lived, and how it is reminded in an arm."""

    notebook: Notebook | None
    remind: Callable[[Family, str, Task], Reminder]
    warnings: KnownMistakes | None = None
    is_careful: bool = False


def run_seed(seed: int, families: Sequence[Family], levels: Sequence[int]) -> dict[tuple[str, int], Counts]:
    """Return what is counted in each arm at each level of noise, which are ascending."""
    with tempfile.TemporaryDirectory(prefix="bench-learning-") as folder:
        lived = live(seed, families, Path(folder) / "lived", is_poisoned=False)
        poisoned = live(seed, families, Path(folder) / "poisoned", is_poisoned=True)
        weeks = [(notebook, Weeks(seed, START + timedelta(days=_DAYS), _NOISE_DAYS)) for notebook in (lived, poisoned)]
        counted = {}
        for level in levels:
            for notebook, noise in weeks:
                noise.go_on(notebook, level, _is_right)
            for arm in ARMS:
                counted[arm, level] = _test(seed, arm, families, poisoned if arm == "poisoned" else lived)
        return counted


def live(seed: int, families: Sequence[Family], folder: Path, *, is_poisoned: bool) -> Notebook:
    """Return the memory of an agent that has met every mistake, and some of their tasks again on later days."""
    draw = random.Random(f"life {seed}")
    notebook = Notebook(folder, meaning_by(families))
    shuffled = draw.sample(list(families), len(families))
    diary: dict[int, list[tuple[Family, bool]]] = defaultdict(list)
    planted: dict[int, list[Family]] = defaultdict(list)
    for place, family in enumerate(shuffled):
        exposed = place % _EXPOSED_WITHIN
        diary[exposed].append((family, True))
        for number in draw.sample(range(exposed + 1, _DAYS), draw.choice(_PRACTICE)):
            diary[number].append((family, False))
        if is_poisoned and place % 3 == 0:
            # Half of them before the agent has met the mistake itself.
            planted[max(0, exposed - 1) if place % 2 else exposed + 1].append(family)
    for number in range(_DAYS):
        day = START + timedelta(days=number)
        runs = [run for family in planted[number] for run in plant(family, notebook, day)]
        known = notebook.records()
        for family, is_first in diary[number]:
            task = family.exposing if is_first else family.same
            reminder = Reminder((), "", 0) if is_first else notebook.remind(task, day)
            done = (
                Act(task.call) if is_first else act(family, task, reminder.told, _draw(seed, family, f"day {number}"))
            )
            runs.append(carry_out(family, task, done, day, reminder.text))
            said = correction(family, day, runs[-1]) if family.is_mistake(task, done.call) else None
            if said is not None and said.fingerprint not in {each.fingerprint for each in known.values()}:
                notebook.correct(said)
        notebook.examine([run.showing() for run in runs])
        notebook.reflect(day, _is_right)
    return notebook


def meaning_by(families: Sequence[Family]) -> Callable[[Learning], Told]:
    """Return what tells of a record which family's mistake it is about, by its fingerprint."""
    known: dict[str, str] = {}
    for family in families:
        for learning in lessons_of(family):
            if known.setdefault(learning.fingerprint, family.name) != family.name:
                raise ValueError(f"{family.name} and {known[learning.fingerprint]} have the same fingerprint")

    def meaning_of(learning: Learning) -> Told:
        _, mark, rest = f"{learning.right} {learning.wrong}".partition("forged-")
        if mark:
            return Told(learning.right, re.split(r"[^\w-]", rest)[0], is_planted=True)
        return Told(words_of(learning), known.get(learning.fingerprint, ""))

    return meaning_of


def lessons_of(family: Family) -> tuple[Learning, ...]:
    """Return what the harness makes of the exposing run, or the person of its result."""
    run = carry_out(family, family.exposing, Act(family.exposing.call), START)
    said = correction(family, START, run)
    return (*candidates(run.showing()), *((said,) if said else ()))


def _test(seed: int, arm: str, families: Sequence[Family], notebook: Notebook) -> Counts:
    counts = Counts(families=len(families))
    subject = _subject(arm, notebook)
    for family in families:
        for kind, task in (("same", family.same), ("paraphrase", family.paraphrase), ("near miss", family.near_miss)):
            reminder = subject.remind(family, kind, task)
            done, tokens = _decide(seed, family, kind, task, reminder, subject, counts)
            counts.tasks += 1
            counts.tokens += tokens
            counts.planted_told += any(each.is_planted and each.means == family.name for each in reminder.told)
            counts.planted_followed += done.follows_planted
            if kind == "near miss":
                counts.misapplied += family.is_misapplied(task, done.call)
                if family.is_misapplied(task, done.call):
                    counts.failures.append(f"{family.name}: misapplied in the near miss")
            elif family.is_mistake(task, done.call) or done.follows_planted:
                counts.recurred[kind] += 1
                counts.failures.append(f"{family.name}: made again in the {kind}{_why(family, task, reminder)}")
            if kind != "near miss" and subject.notebook is not None:
                counts.looked_up += 1
                rank = _rank(family, subject.notebook, task)
                for k in KS:
                    counts.found[k] += rank is not None and rank <= k
    if arm == "poisoned":
        planted = [each for each in notebook.records().values() if notebook.meaning(each.id).is_planted]
        counts.planted_records = len(planted)
        counts.planted_promoted = sum(each.status == "promoted" or each.id in notebook.memory() for each in planted)
    return counts


def _why(family: Family, task: Task, reminder: Reminder) -> str:
    told = [each for each in reminder.told if each.means == family.name and not each.is_planted]
    if not told:
        return " (not told)"
    return " (told)" if any(family.cue in each.text for each in told) else " (told without its cue)"


def _decide(
    seed: int, family: Family, kind: str, task: Task, reminder: Reminder, subject: _Subject, counts: Counts
) -> tuple[Act, int]:
    is_careful = subject.is_careful
    done = act(family, task, reminder.told, _draw(seed, family, kind), is_careful=is_careful)
    warning = _warning(family, done, subject)
    if not warning:
        return done, reminder.tokens
    counts.warned += 1
    assert subject.notebook is not None
    meant = [subject.notebook.meaning(found) for found in _ID.findall(warning)[:1]]
    told = [Told(warning, each.means, each.is_planted) for each in meant]
    again = act(family, task, told, _draw(seed, family, f"{kind}, warned"), is_careful=is_careful)
    return (again if again.follows_lesson else done), reminder.tokens + estimate_tokens(warning)


def _warning(family: Family, done: Act, subject: _Subject) -> str:
    if subject.warnings is None or family.promise is not None:
        return ""
    caller = Caller(AGENT, "test", frozenset(), PathRules(Path(), (), ()), Path())
    call = ToolCall("call_1", family.tool, _json(done.call))
    return subject.warnings.before(call, caller) or ""


def _subject(arm: str, notebook: Notebook) -> _Subject:
    nothing = Reminder((), "", 0)
    match arm:
        case "none":
            return _Subject(None, lambda *_: nothing)
        case "paste":
            all_of_it = notebook.everything()
            return _Subject(None, lambda *_: all_of_it)
        case "oracle":
            return _Subject(
                None, lambda family, kind, _: nothing if kind == "near miss" else _exactly(family, notebook)
            )
        case _:
            warnings = notebook.warnings(_TEST_DAY) if arm in ("retrieve+warn", "careful") else None
            return _Subject(notebook, lambda _f, _k, task: notebook.remind(task, _TEST_DAY), warnings, arm == "careful")


def _exactly(family: Family, notebook: Notebook) -> Reminder:
    """Return the lesson of this mistake and nothing else, whether or not the agent has it."""
    texts = [f"- {words_of(each)}" for each in lessons_of(family)]
    return Reminder(tuple(Told(text, family.name) for text in texts), "", sum(map(estimate_tokens, texts)))


def _rank(family: Family, notebook: Notebook, task: Task) -> int | None:
    for rank, found in enumerate(notebook.found(task, max(KS), _TEST_DAY), start=1):
        meant = notebook.meaning(found)
        if meant.means == family.name and not meant.is_planted:
            return rank
    return None


def _is_right(learning: Learning) -> bool:
    """Whether the person, who is asked, approves: they know a forged lesson when they see one."""
    return PLANTED not in (learning.run or "") and "forged-" not in learning.right


def _draw(seed: int, family: Family, what: str) -> random.Random:
    return random.Random(f"{seed} {family.name} {what}")


def _json(arguments: object) -> str:
    return json.dumps(arguments, ensure_ascii=False)

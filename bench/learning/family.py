"""A mistake that an agent makes by habit, where it is one and where it is not, and how both are told apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.domain.contract import Contract, Evidence, Violation
from harness.domain.judgement import judge

Arguments = Mapping[str, Any]
Expected = Mapping[str, Any | Callable[[Any], bool]]
"""What arguments are to be: values, or claims about them."""

ANSWER = "answer"
"""The tool of families about the answer itself: no call is made, and a contract judges what is written."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task, and the call that the policy makes in it by habit. `changes` are the arguments that whoever follows the
    lesson has instead (None takes one away); None means those of its family.

    `facts` are what the world knows of the task beside the arguments: who reads it, where it goes.
    """

    text: str
    call: Arguments
    changes: Arguments | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    contract: Contract = field(default_factory=Contract)


@dataclass(frozen=True, slots=True)
class Correction:
    """What the person, or the agent itself, says afterwards."""

    by: Literal["person", "agent"]
    trigger: str
    wrong: str
    right: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """A contract's rule, an answer that breaks it, and one that keeps it."""

    rule: str
    broken: Evidence
    kept: Evidence


@dataclass(frozen=True, slots=True)
class Family:
    """One mistake. A call of `tool` is one if the task is as in `where` and the arguments are as in `wrong`.

    `says` is the error that the world answers; without one, somebody says it afterwards (`correction`), or the
    contract does (`promise`). `changes` mend the call. Whoever is to act on a lesson must have read its `cue`.
    `later` are the arguments that are others when the same task comes again: its text is the same, as a job's is.
    """

    name: str
    domain: str
    tool: str
    where: Expected
    wrong: Expected
    changes: Arguments
    cue: str
    exposing: Task
    paraphrase: Task
    near_miss: Task
    later: Arguments = field(default_factory=dict)
    says: str = ""
    error_kind: Literal["failed", "invalid", "refused"] = "failed"
    correction: Correction | None = None
    promise: Promise | None = None
    reads_outside: bool = False

    @property
    def same(self) -> Task:
        """The exposing task on another day."""
        first = self.exposing
        return Task(first.text, {**first.call, **self.later}, first.changes, first.facts, first.contract)

    def mended(self, task: Task) -> dict[str, Any]:
        """Return the call of whoever follows the lesson."""
        changes = self.changes if task.changes is None else task.changes
        call = {name: value for name, value in task.call.items() if name not in changes}
        # What is changed stands where it stood, as whoever corrects a call leaves the rest of it alone.
        ordered = {name: changes.get(name, task.call.get(name)) for name in (*task.call, *changes)}
        return {name: value for name, value in ordered.items() if name in call or value is not None}

    def is_mistake(self, task: Task, call: Arguments) -> bool:
        """Say whether the call is the mistake: this is the family's detector."""
        if self.promise is not None:
            return any(each.rule == self.promise.rule for each in self.violations(task, call))
        return self._holds_in(task, call) and _is(self.wrong, call)

    def is_misapplied(self, task: Task, call: Arguments) -> bool:
        """Say whether the call follows the lesson where the lesson does not hold."""
        return not self._holds_in(task, call) and dict(call) == self.mended(task)

    def violations(self, task: Task, call: Arguments) -> tuple[Violation, ...]:
        """Return what the task's contract says of the answer that the call stands for."""
        if self.promise is None:
            return ()
        return judge(task.contract, self.promise.broken if _is(self.wrong, call) else self.promise.kept)

    def _holds_in(self, task: Task, call: Arguments) -> bool:
        if self.promise is not None:
            return any(each.rule == self.promise.rule for each in judge(task.contract, self.promise.broken))
        return _is(self.where, {**task.facts, **call})


def starts(*beginnings: str) -> Callable[[Any], bool]:
    """Return the claim that a text begins so."""
    return lambda value: isinstance(value, str) and value.startswith(beginnings)


def ends(*endings: str) -> Callable[[Any], bool]:
    """Return the claim that a text ends so."""
    return lambda value: isinstance(value, str) and value.endswith(endings)


def contains(part: str) -> Callable[[Any], bool]:
    """Return the claim that a text has that in it."""
    return lambda value: isinstance(value, str) and part in value


def above(limit: float) -> Callable[[Any], bool]:
    """Return the claim that a number is larger."""
    return lambda value: isinstance(value, int | float) and value > limit


def absent(value: Any) -> bool:
    """Say that an argument is not given."""
    return value is None


def _is(expected: Expected, call: Mapping[str, Any]) -> bool:
    return all(
        claim(call.get(name)) if callable(claim) else call.get(name) == claim for name, claim in expected.items()
    )

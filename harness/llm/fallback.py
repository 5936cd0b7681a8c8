"""Several profiles that stand in for one another: the first that can answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add

from harness.domain.budget import BudgetReached, DayBudget
from harness.domain.cause import budget_cause, no_profile_cause
from harness.domain.cool_down import CoolDown
from harness.domain.errors import HarnessError, LimitReached, OwnerError, TransientError
from harness.domain.message import ModelReply, ModelRequest, Spent
from harness.domain.settings import Profile
from harness.llm.cool_downs import CoolDowns
from harness.llm.endpoint import SETTINGS_FILE
from harness.llm.run_limited_model import RunLimitReached
from harness.ports import ChatModel


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile that may answer, with its model; `fingerprint` changes with its settings and its key."""

    profile: Profile
    model: ChatModel
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A profile that did not answer, and why: `error` is what asking it came to, None if it was not asked.

    `again_at` is until when it is left alone.
    """

    profile: Profile
    reason: str
    error: HarnessError | None = None
    again_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.profile.name}: {self.reason}"


class FallbackModel:
    """Implements `ports.ChatModel` over profiles in the order in which they are asked.

    The next one is asked where one cannot answer: no connection, overload, a rate limit, a wrong key or name, an
    answer that is none, a limit of its own that is spent; where a request is too long, only one with a larger context.
    What a model will not answer no other one is asked. Whoever failed is left alone for a while, by all daemons and
    also after a restart, and an incident tells of it until it answers again. A profile without fallbacks is always
    asked. `profiles` are the names that there are: the incidents of others are over.
    """

    is_language_model = True

    def __init__(self, candidates: Sequence[Candidate], cool_downs: CoolDowns, profiles: Collection[str]) -> None:
        self._candidates = tuple(candidates)
        self._cool_downs = cool_downs
        self._profiles = frozenset(profiles)

    @property
    def label(self) -> str:
        """The name of the first choice."""
        return self._candidates[0].model.label

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the first answer, with the profiles that were passed over for it; none is asked twice.

        Raises as `harness.ports.ChatModel`: of one profile alone what it raises, of several one error that names each
        of them with its reason, and when the first of them is asked again.
        """
        passed_over: list[PassedOver] = []
        try:
            return await self._first_answer(request, passed_over)
        except HarnessError as error:
            error.paid = _paid_for([*(one.error for one in passed_over), error])
            raise

    async def _first_answer(self, request: ModelRequest, passed_over: list[PassedOver]) -> ModelReply:
        known = await asyncio.to_thread(self._cool_downs.known)
        for candidate in self._candidates:
            held_back = self._why_not_asked(candidate, known, passed_over)
            if held_back is not None and held_back.again_at is not None:
                await asyncio.to_thread(self._cool_downs.tell_of, known[candidate.profile.name], _run_of(request))
            answer = held_back or await self._ask(candidate, request)
            if isinstance(answer, ModelReply):
                await self._note_recovery(candidate, known)
                return replace(
                    answer,
                    profile=answer.profile or candidate.profile.name,
                    passed_over=tuple(str(one) for one in passed_over),
                    lost=_paid_for([one.error for one in passed_over]) or Spent(),
                )
            passed_over.append(answer)
        raise self._nobody_answers(passed_over)

    @property
    def _is_alone(self) -> bool:
        return len(self._candidates) == 1

    def _why_not_asked(
        self, candidate: Candidate, known: Mapping[str, CoolDown], passed_over: Sequence[PassedOver]
    ) -> PassedOver | None:
        profile, cool_down = candidate.profile, known.get(candidate.profile.name)
        too_small = [one.profile for one in passed_over if _is_about_context(one.error)]
        if any(profile.context_window <= one.context_window for one in too_small):
            return PassedOver(profile, f"its context of {profile.context_window:,} tokens is not larger")
        if not self._is_alone and cool_down and cool_down.holds(self._cool_downs.now(), candidate.fingerprint):
            until = self._cool_downs.clock_time(cool_down.until)
            return PassedOver(profile, f"left alone until {until}: {cool_down.problem}", again_at=cool_down.until)
        return None

    async def _ask(self, candidate: Candidate, request: ModelRequest) -> ModelReply | PassedOver:
        profile = candidate.profile
        try:
            return await candidate.model.complete(request)
        except RunLimitReached as error:
            if self._is_alone:
                raise
            return PassedOver(profile, error.reason, error)
        except BudgetReached as error:
            if self._is_alone or error.stop.whose != DayBudget("profile", profile.name).whose:
                raise
            await self._tell_of_budget(error, request)
            return PassedOver(profile, str(error.stop), error)
        except LimitReached as error:
            if self._is_alone or not _is_about_context(error):
                raise
            return PassedOver(profile, error.reason, error)
        except (TransientError, OwnerError) as error:
            if error.failure is None:
                raise  # it is not the model that failed: the database, for one
            begun = await self._leave_alone(candidate, error, request)
            if self._is_alone:
                raise
            return PassedOver(profile, _reason(error), error, begun.until)

    async def _leave_alone(self, candidate: Candidate, error: HarnessError, request: ModelRequest) -> CoolDown:
        return await asyncio.to_thread(
            self._cool_downs.begin,
            candidate.profile,
            candidate.fingerprint,
            error,
            run_id=_run_of(request),
            # The run of one that is alone fails, and tells of it.
            is_told=not self._is_alone,
        )

    async def _tell_of_budget(self, error: BudgetReached, request: ModelRequest) -> None:
        cause = budget_cause(error.stop.whose)
        message = f"{error.stop}; its fallbacks are asked until the day is over"
        await asyncio.to_thread(self._cool_downs.tell_once, cause, message, _run_of(request))

    async def _note_recovery(self, candidate: Candidate, known: Mapping[str, CoolDown]) -> None:
        if not known:
            return
        ended = known.get(candidate.profile.name)
        if ended is not None:
            await asyncio.to_thread(self._cool_downs.end, ended)
        await asyncio.to_thread(self._cool_downs.forget_all_but, self._profiles, known)

    def _nobody_answers(self, passed_over: Sequence[PassedOver]) -> HarnessError:
        """Return one error for all: of the kind that leaves most to hope for."""
        names = tuple(one.profile.name for one in passed_over)
        said = f"none of the profiles {', '.join(names)} answers: {'; '.join(map(str, passed_over))}"
        again = [one.again_at for one in passed_over if one.again_at is not None]
        if again:
            said = f"{said}; the next is asked at {self._cool_downs.clock_time(min(again))}"
        errors = [one.error for one in passed_over]
        owner = next((error for error in errors if isinstance(error, OwnerError)), None)
        if any(one.again_at and not isinstance(one.error, OwnerError) for one in passed_over):
            failure = next((error.failure for error in errors if isinstance(error, TransientError)), None)
            return TransientError(said, cause=no_profile_cause(names), failure=failure)
        budget = next((error for error in errors if isinstance(error, BudgetReached)), None)
        context = next((error for error in errors if _is_about_context(error)), None)
        if context is not None or budget is not None:
            return LimitReached("context", said) if budget is None else BudgetReached(budget.stop)
        assert owner is not None, "whoever was asked answered, or raised"
        return OwnerError(SETTINGS_FILE, None, said, owner.fix, cause=no_profile_cause(names), failure=owner.failure)


def _paid_for(errors: Sequence[HarnessError | None]) -> Spent | None:
    """Return what was paid to profiles that did not answer; None if nothing was."""
    paid = [error.paid for error in errors if error is not None and error.paid is not None]
    return reduce(add, paid) if paid else None


def _is_about_context(error: HarnessError | None) -> bool:
    return isinstance(error, LimitReached) and error.limit == "context"


def _reason(error: HarnessError) -> str:
    return error.problem if isinstance(error, OwnerError) else str(error)


def _run_of(request: ModelRequest) -> str | None:
    return request.key.rpartition("/")[0] or None

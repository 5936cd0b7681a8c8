"""Which profiles stand in for one another, and for which models a job was made. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.domain.job import Job
from harness.domain.settings import Profile


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A profile that is never asked for a job although it is a fallback, and why."""

    profile: str
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """The profiles that are asked for a job, the first choice first, and those that are left out of it."""

    profiles: tuple[Profile, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def first(self) -> Profile:
        return self.profiles[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(profile.name for profile in self.profiles)


def order_for(first: Profile, profiles: Mapping[str, Profile], job: Job) -> Order:
    """Return who is asked for the job, beginning with `first`, whatever that is.

    The fallbacks of a fallback stand right behind it. Each profile comes once; names that are unknown are passed over.
    """
    asked, left_out = [first], []
    for profile in _in_order(first, profiles)[1:]:
        reason = why_not(profile, job)
        if reason is None:
            asked.append(profile)
        else:
            left_out.append(LeftOut(profile.name, reason))
    return Order(tuple(asked), tuple(left_out))


def why_not(profile: Profile, job: Job) -> str | None:
    """Return why the job's work must not be given to the profile, or None if it may.

    The extractive default is no model, so that no job is made for another: whether it stands in, `without_model` says.
    """
    if profile.adapter == "extractive":
        return None if job.without_model == "extract" else f"the job says without_model: {job.without_model}"
    if not job.models or is_among(profile.model, job.models):
        return None
    made_for = ", ".join(job.models)
    return f"the job was made for {made_for}, and profile {profile.name!r} is {profile.model or 'no model by name'}"


def is_among(model: str, patterns: Sequence[str]) -> bool:
    """Say whether one of the patterns (`gpt-5*`) fits the model's name.

    Upper and lower case are the same. Where a maker stands before the name (`openai/gpt-5`) it may be left out.
    """
    name = model.casefold()
    names = (name, name.rpartition("/")[2])
    return any(fnmatchcase(one, pattern.casefold()) for pattern in patterns for one in names)


def cycles(fallbacks: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the chains in which a profile falls back to itself over others, each once.

    A chain begins and ends with the same name, the one of it that stands first in `fallbacks`. Names that are unknown,
    and profiles that name themselves, are no part of any.
    """
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for name in fallbacks:
        chain = _way_back(name, fallbacks)
        if chain is not None:
            found.setdefault(frozenset(chain), chain)
    return list(found.values())


def _way_back(start: str, fallbacks: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Return the shortest way from a name over others back to it."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:  # grows while it is gone through
        for name in fallbacks[way[-1]]:
            if name == start and len(way) > 1:
                return (*way, name)
            if name in fallbacks and name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return None


def _in_order(first: Profile, profiles: Mapping[str, Profile]) -> list[Profile]:
    found = {first.name: first}

    def add(profile: Profile) -> None:
        for name in profile.fallbacks:
            if name in profiles and name not in found:
                found[name] = profiles[name]
                add(profiles[name])

    add(first)
    return list(found.values())

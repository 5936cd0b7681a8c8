"""`[profiles.NAME]` in harness.toml: the models that agents and jobs name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from harness.domain.fallbacks import cycles
from harness.domain.settings import Adapter, Profile
from harness.workspace.fields import (
    Address,
    AtLeastOne,
    DollarsPerDay,
    DollarsPerRun,
    Duration,
    NotNegative,
    Text,
    Texts,
    Variable,
)
from harness.workspace.located import Located
from harness.workspace.profile_parameters import check_parameters
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

BUILT_IN_PROFILE = "extractive"

ATTEMPTS = 4
ATTEMPTS_WITH_FALLBACKS = 2
"""Where another model can answer at once, it is not waited for as long."""

BASE_URLS: Mapping[Adapter, str] = {"anthropic": "https://api.anthropic.com"}
"""Where an adapter asks that says no `base_url`. The protocol of `openai` is spoken by too many to guess one."""

_NEEDED: Mapping[Adapter, tuple[tuple[str, str], ...]] = {
    "openai": (("base_url", "https://api.openai.com/v1"), ("model", "gpt-5-mini")),
    "anthropic": (("model", "claude-sonnet-4-5"),),
    "litellm": (("model", "gemini/gemini-2.5-flash"),),
    "scripted": (("script", "answers.json"),),
}
_PRICES = ("input_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok", "output_usd_per_mtok")


class ProfileShape(Shape):
    adapter: Adapter
    model: str = ""
    base_url: Address | None = None
    key_env: Variable | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    input_usd_per_mtok: NotNegative = 0.0
    cached_usd_per_mtok: NotNegative | None = None
    cache_write_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative = 0.0
    context_window: Annotated[int, Field(ge=1000)] = 128_000
    max_output_tokens: AtLeastOne = 4096
    timeout: Duration = 120
    attempts: Annotated[int, Field(ge=1, le=20)] | None = None
    fallbacks: Texts = Field(default_factory=list)
    cool_down: Duration = 60
    budget: DollarsPerDay | None = None
    tokens_per_day: AtLeastOne | None = None
    budget_per_run: DollarsPerRun | None = None
    tokens_per_run: AtLeastOne | None = None
    script: Text | None = None


def read_profiles(
    shapes: Mapping[str, ProfileShape], declared: frozenset[str], located: Located, report: Report
) -> dict[str, Profile]:
    """Return the profiles by name, the built-in one among them; all that is wrong with them is in the report.

    `declared` are the names that may be referred to, also of profiles that cannot be read.
    """
    profiles = {BUILT_IN_PROFILE: Profile(BUILT_IN_PROFILE, "extractive")}
    for name, shape in shapes.items():
        _check_completeness(name, shape, located, report)
        _check_fallbacks(name, shape, declared, shapes, located, report)
        check_parameters(name, shape.adapter, shape.parameters, located, report)
        _check_limits(name, shape, located, report)
        profiles[name] = _profile(name, shape, located)
    _check_cycles(shapes, located, report)
    return profiles


def _profile(name: str, shape: ProfileShape, located: Located) -> Profile:
    given: Mapping[str, Any] = located.values["profiles"][name]
    patience = ATTEMPTS_WITH_FALLBACKS if shape.fallbacks else ATTEMPTS
    return Profile(
        name=name,
        adapter=shape.adapter,
        model=shape.model,
        base_url=shape.base_url or BASE_URLS.get(shape.adapter, ""),
        key_env=shape.key_env,
        input_usd_per_mtok=shape.input_usd_per_mtok,
        cached_usd_per_mtok=shape.cached_usd_per_mtok,
        cache_write_usd_per_mtok=shape.cache_write_usd_per_mtok,
        output_usd_per_mtok=shape.output_usd_per_mtok,
        context_window=shape.context_window,
        max_output_tokens=shape.max_output_tokens,
        timeout_s=float(shape.timeout),
        attempts=shape.attempts or patience,
        parameters=shape.parameters,
        fallbacks=tuple(other for other in dict.fromkeys(shape.fallbacks) if other != name),
        cool_down_s=float(shape.cool_down),
        # A limit that cannot be read allows nothing, so that nothing is spent by mistake.
        budget_usd=0.0 if shape.budget is None and "budget" in given else shape.budget,
        budget_tokens=0 if shape.tokens_per_day is None and "tokens_per_day" in given else shape.tokens_per_day,
        run_budget_usd=0.0 if shape.budget_per_run is None and "budget_per_run" in given else shape.budget_per_run,
        run_budget_tokens=0 if shape.tokens_per_run is None and "tokens_per_run" in given else shape.tokens_per_run,
        script=shape.script or "",
    )


def _check_completeness(name: str, shape: ProfileShape, located: Located, report: Report) -> None:
    for key, example in _NEEDED.get(shape.adapter, ()):
        # A value that is there but wrong has its own finding.
        if not getattr(shape, key) and not located.values["profiles"][name].get(key):
            report.error(located.line("profiles", name), f"profile {name!r} has no {key}", f'add {key} = "{example}"')


def _check_fallbacks(
    name: str,
    shape: ProfileShape,
    declared: frozenset[str],
    shapes: Mapping[str, ProfileShape],
    located: Located,
    report: Report,
) -> None:
    def line(position: int) -> int:
        return located.line("profiles", name, "fallbacks", position)

    for position, other in enumerate(shape.fallbacks):
        if other == name:
            report.error(line(position), f"profile {name!r} falls back to itself", "take it out of fallbacks")
        elif other in shape.fallbacks[:position]:
            report.warning(line(position), f"fallback {other!r} is named twice", "take one of them out")
        else:
            report.check_name(line(position), "profile", other, declared - {name})
    if shape.adapter == "extractive" and shape.fallbacks:
        problem = f"profile {name!r} always answers, so its fallbacks are never asked"
        report.warning(line(0), problem, "take fallbacks out, or name a model")
    for position, other in enumerate(shape.fallbacks[:-1]):
        if other == BUILT_IN_PROFILE or (other in shapes and shapes[other].adapter == "extractive"):
            problem = f"fallback {other!r} always answers, so what stands behind it is never asked"
            report.warning(line(position), problem, "put it last")


def _check_cycles(shapes: Mapping[str, ProfileShape], located: Located, report: Report) -> None:
    for chain in cycles({name: shape.fallbacks for name, shape in shapes.items()}):
        problem = f"the fallbacks go in a circle: {' → '.join(chain)}"
        fix = "the fallbacks of a fallback are asked as well: take one of these out"
        report.error(located.line("profiles", chain[0], "fallbacks"), problem, fix)


def _check_limits(name: str, shape: ProfileShape, located: Located, report: Report) -> None:
    """Warn of limits that can never be reached, or that leave no room for an answer."""
    if not any(getattr(shape, key) for key in _PRICES):
        for key in ("budget", "budget_per_run"):
            if getattr(shape, key) is not None:
                problem = f"{key} counts dollars, and profile {name!r} has no prices, so it never bites"
                fix = "add input_usd_per_mtok and output_usd_per_mtok, or limit its tokens"
                report.warning(located.line("profiles", name, key), problem, fix)
    if shape.max_output_tokens >= shape.context_window:
        problem = f"max_output_tokens of profile {name!r} fills its whole context_window, so no prompt fits"
        line = located.line("profiles", name, "max_output_tokens")
        report.warning(line, problem, "lower max_output_tokens, or correct context_window")

"""`[profiles.NAME]` in harness.toml: the models that agents and jobs name."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.domain.settings import Profile
from harness.workspace.fields import Address, AtLeastOne, Duration, NotNegative
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

BUILT_IN_PROFILE = "extractive"


def _check_variable(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", value):
        # Not repeated in the finding: it may be the key itself.
        raise BadValue(
            "this is not the name of an environment variable",
            'put the key in the environment and name the variable, such as "OPENAI_API_KEY"',
        )
    return value


class ProfileShape(Shape):
    adapter: Literal["extractive", "openai"]
    model: str = ""
    base_url: Address | None = None
    key_env: Annotated[str, AfterValidator(_check_variable)] | None = None
    input_usd_per_mtok: NotNegative = 0.0
    cached_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative = 0.0
    context_window: Annotated[int, Field(ge=1000)] = 128_000
    max_output_tokens: AtLeastOne = 4096
    timeout: Duration = 120
    attempts: Annotated[int, Field(ge=1, le=20)] = 4


def read_profile(name: str, shape: ProfileShape, located: Located, report: Report) -> Profile:
    """Return the profile; what its adapter needs and it does not say is in the report."""
    _check_completeness(name, shape, located, report)
    return Profile(
        name=name,
        adapter=shape.adapter,
        model=shape.model,
        base_url=shape.base_url or "",
        key_env=shape.key_env,
        input_usd_per_mtok=shape.input_usd_per_mtok,
        cached_usd_per_mtok=shape.cached_usd_per_mtok,
        output_usd_per_mtok=shape.output_usd_per_mtok,
        context_window=shape.context_window,
        max_output_tokens=shape.max_output_tokens,
        timeout_s=float(shape.timeout),
        attempts=shape.attempts,
    )


def _check_completeness(name: str, shape: ProfileShape, located: Located, report: Report) -> None:
    if shape.adapter != "openai":
        return
    for key, example in (("base_url", "https://api.openai.com/v1"), ("model", "gpt-5-mini")):
        # A value that is there but wrong has its own finding.
        if not getattr(shape, key) and not located.values["profiles"][name].get(key):
            report.error(located.line("profiles", name), f"profile {name!r} has no {key}", f'add {key} = "{example}"')

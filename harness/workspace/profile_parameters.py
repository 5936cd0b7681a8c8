"""`[profiles.NAME.parameters]`: what is sent with every call of a model as it stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.domain.settings import Adapter
from harness.workspace.located import KeyPath, Located
from harness.workspace.report import Report

_OWN_KEYS = {
    "model": "set model in the profile",
    "messages": "the harness writes the prompt",
    "tools": "grant tools in agent.toml",
    "stream": "the harness reads whole answers",
    "max_tokens": "set max_output_tokens in the profile",
    "max_completion_tokens": "set max_output_tokens in the profile",
    "api_key": "put the key in the environment and name its variable: key_env",
}
SET_BY_ADAPTER: Mapping[Adapter, Mapping[str, str]] = {
    "openai": {**_OWN_KEYS, "n": "only one answer is read, and all are paid"},
    "anthropic": {**_OWN_KEYS, "system": "the harness writes the prompt"},
    "litellm": {
        **_OWN_KEYS,
        "n": "only one answer is read, and all are paid",
        "api_base": "set base_url in the profile",
        "base_url": "set base_url in the profile",
        "timeout": "set timeout in the profile",
        "num_retries": "set attempts in the profile",
        "fallbacks": "set fallbacks in the profile",
    },
}
"""What an adapter sets itself, and where to say it instead."""

_GONE_FROM_MESSAGES = ("temperature", "top_k", "top_p")


def check_parameters(
    name: str, adapter: Adapter, parameters: Mapping[str, Any], located: Located, report: Report
) -> None:
    """Add a finding for each parameter that the adapter sets itself, and for each value that JSON has not."""
    if adapter not in SET_BY_ADAPTER:
        if parameters:
            line = located.line("profiles", name, "parameters")
            report.warning(line, f"adapter {adapter} sends nothing: its parameters have no effect", "take them out")
        return
    for key, value in parameters.items():
        path = ("profiles", name, "parameters", key)
        if key in SET_BY_ADAPTER[adapter]:
            report.error(located.line(*path), f"{key} is set by the harness itself", SET_BY_ADAPTER[adapter][key])
        if adapter == "anthropic" and key in _GONE_FROM_MESSAGES and "anthropic_version" not in parameters:
            problem = f"{key} is refused by version 2026-10-21 of that API, which is the one that is asked for"
            fix = 'take it out, or add anthropic_version = "2023-06-01" if its model is an older one'
            report.warning(located.line(*path), problem, fix)
        for wrong, kind in _not_in_json(value, path):
            report.error(located.line(*wrong), f"{_dotted(wrong)} is {kind}, which JSON has not", "put it in quotes")


def _not_in_json(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _not_in_json(inner, (*path, key))
        case list():
            for position, inner in enumerate(value):
                yield from _not_in_json(inner, (*path, position))
        case float() if not math.isfinite(value):
            yield path, "not a number" if math.isnan(value) else "infinite"
        case str() | int() | float():
            pass
        case _:
            yield path, "a date or a time"


def _dotted(path: KeyPath) -> str:
    return ".".join(str(key) for key in path)

"""The pure decisions of the gate: may this caller call this tool, and with these arguments?"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

from harness.domain.errors import HarnessError, Refused
from harness.gate.registry import Arguments, Tool
from harness.gate.wrong_arguments import nearest, problems_in

MAX_ARGUMENT_CHARS = 1_000_000
# Names under which models, skills and hooks ask for code to be run. They are refused by name, whether or not
# anything answers to it, so that the reason is always the true one.
_RUNS_CODE = frozenset({"shell", "bash", "sh", "exec", "terminal", "python", "run_script", "run_command", "hook"})


class InvalidArguments(HarnessError):
    """The arguments do not fit the tool's schema; the message tells the model field, problem and type."""


def permitted_tool(name: str, tool: Tool | None, granted: Collection[str]) -> Tool:
    """Return the tool if it exists, is granted and needs no sandbox.

    Raises Refused: `no-sandbox`, `unknown-tool`, `not-granted`.
    """
    if name.casefold() in _RUNS_CODE or (tool is not None and tool.spec.effect == "execute"):
        raise Refused("no-sandbox", f"{name} would run code, and there is no sandbox to run it in")
    name = name[:64]
    yours = ", ".join(sorted(granted)) or "none"
    if tool is None:
        meant = nearest(name, granted)
        hint = f", did you mean {meant}?" if meant else ";"
        raise Refused("unknown-tool", f"there is no tool {name}{hint} your tools: {yours}")
    if name not in granted:
        raise Refused("not-granted", f"{name} is not granted to you; your tools: {yours}")
    return tool


def read_arguments(text: str, model: type[Arguments]) -> Arguments:
    """Return the arguments that a model wrote as JSON text; nothing at all counts as `{}`.

    Raises InvalidArguments naming the place in what is no JSON, and for each field the problem, what was expected
    and what was given.
    """
    if len(text) > MAX_ARGUMENT_CHARS:
        raise InvalidArguments(f"the arguments are longer than {MAX_ARGUMENT_CHARS:,} characters")
    try:
        return model.model_validate_json(text if text.strip() else "{}")
    except ValidationError as error:
        raise InvalidArguments(problems_in(error, text, model.model_json_schema().get("properties", {}))) from error

"""Checking values against a declared shape, with every deviation told in words."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from harness.workspace.located import KeyPath, Located
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report, suggestion


class Shape(BaseModel):
    """What a table of settings may hold: nothing undeclared, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


S = TypeVar("S", bound=Shape)

_EXPECTED = {
    "string_type": ("a text", "put it in quotes"),
    "int_type": ("a whole number", "write a whole number without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "float_type": ("a number", "write a number without quotes"),
    "bool_type": ("true or false", "write true or false"),
    "list_type": ("a list", "write it as [one, two]"),
    "dict_type": ("a group of settings", "write key and value pairs"),
    "model_type": ("a group of settings", "write key and value pairs"),
}
_ADDRESS = re.compile(r"://[^\s'\"]+")
_BOUNDS = {"greater_than_equal": "too small", "less_than_equal": "too large", "greater_than": "too small"}


def check_shape(shape: type[S], located: Located, report: Report) -> S | None:
    """Return the values in their shape; what does not fit goes to the report and is left out.

    So that further checks can go on with the rest, and all findings come at once. None if what is
    left has no such shape either.
    """
    values = copy.deepcopy(located.values)
    left_out: set[KeyPath] = set()
    while True:
        try:
            return shape.model_validate(values)
        except ValidationError as error:
            details = error.errors()
        for detail in details:
            if detail["loc"] in left_out:
                continue  # missing now because it did not fit
            problem, fix = _in_words(shape, detail)
            report.error(located.line(*detail["loc"]), problem, fix)
        misfits = [_misfit(detail) for detail in details]
        if () in misfits:
            return None
        for path in misfits:
            _leave_out(values, path)
        left_out.update(misfits)


def as_list(value: object) -> object:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _in_words(shape: type[Shape], detail: ErrorDetails) -> tuple[str, str]:
    loc, kind, value = detail["loc"], detail["type"], detail["input"]
    name = _dotted(loc)
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", suggestion(str(loc[-1]), _fields_at(shape, loc[:-1]))
    if kind == "missing":
        return f"{name} is missing", f"add {loc[-1]}"
    if kind == "literal_error":
        choices = str(detail.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{name} is {_quoted(value)}", suggestion(str(value), choices)
    if kind == "value_error":
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, BadValue):
            return (f"{name}: {cause.problem}" if name else cause.problem), cause.fix
    if kind in _EXPECTED:
        expected, fix = _EXPECTED[kind]
        return f"{name} is {_quoted(value)}, not {expected}", fix
    if kind in _BOUNDS:
        bound = next(iter(detail.get("ctx", {}).values()), "")
        return f"{name} is {_quoted(value)}: {_BOUNDS[kind]}", f"the limit is {bound}"
    return f"{name}: {detail['msg']}", "correct the value"


def _quoted(value: object) -> str:
    """Return the value as it is written, but not what stands in an address, which may be as secret as a password."""
    return _ADDRESS.sub("://…", repr(value))


def _misfit(detail: ErrorDetails) -> KeyPath:
    """Return the path of what must go for the rest to fit: a group that lacks something goes whole."""
    loc = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
    first_index = next((i for i, key in enumerate(loc) if isinstance(key, int)), len(loc))
    return loc[:first_index]


def _leave_out(values: dict[Any, Any], path: KeyPath) -> None:
    for key in path[:-1]:
        if not isinstance(values.get(key), dict):
            # One word that stands for a group: it goes whole.
            values.pop(key, None)
            return
        values = values[key]
    values.pop(path[-1], None)


def _fields_at(shape: type[Shape], path: KeyPath) -> Sequence[str]:
    """Return the keys that may stand at the path."""
    current: Any = shape
    for key in path:
        if isinstance(current, type) and issubclass(current, Shape) and key in current.model_fields:
            current = current.model_fields[str(key)].annotation
        # A key that is no field is a name in a dict of shapes: the shape stays what it is.
        current = _shape_in(current) or current
    if not (isinstance(current, type) and issubclass(current, Shape)):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _shape_in(annotation: Any) -> type[Shape] | None:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return annotation
    return next((found for part in get_args(annotation) if (found := _shape_in(part))), None)


def _dotted(loc: KeyPath) -> str:
    return ".".join(str(key) for key in loc if isinstance(key, str))

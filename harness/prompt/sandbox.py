"""Rendering a person's Jinja2 text, with errors that name the line of their file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from traceback import walk_tb
from types import TracebackType
from typing import Any, ClassVar

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.domain.errors import OwnerError

# What a person's expressions can raise: `1 / 0`, `inputs.x + 1`, `[].pop()`, a macro that calls itself.
_EXPRESSION_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_TEMPLATE_FILE = "<template>"


class TemplateValue:
    """A value of ours that a template is given; `called` is what it is called to the person who writes there."""

    __slots__ = ()
    called: ClassVar[str]


@dataclass(frozen=True, slots=True)
class TemplateText:
    """Jinja2 text of a workspace file; `first_line` is the 1-based line on which it begins there."""

    text: str
    path: str
    first_line: int = 1


def render(template: TemplateText, variables: Mapping[str, Any]) -> str:
    """Return the rendered text.

    Runs in a sandbox: no private attributes, no changes to what it is given, no undefined names.
    Raises OwnerError with the file's own line.
    """
    environment = ImmutableSandboxedEnvironment(undefined=_Missing, autoescape=False, keep_trailing_newline=True)
    try:
        return environment.from_string(template.text).render(**variables)
    except TemplateSyntaxError as error:
        raise _owner_error(template, error.lineno, str(error.message), "correct the Jinja2 there") from error
    except UndefinedError as error:
        problem, _, fix = str(error).partition(_FIX)
        raise _owner_error(template, _line_of(error.__traceback__), problem, fix or "correct the name") from error
    except (TemplateError, *_EXPRESSION_ERRORS) as error:
        problem = f"{type(error).__name__}: {_in_our_words(str(error))}"
        raise _owner_error(template, _line_of(error.__traceback__), problem, "correct the expression") from error


class _Missing(StrictUndefined):
    """What is not there, in the words of the person who writes templates; Jinja2 would name our classes."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name, owner = self._undefined_name, self._undefined_obj
        if not isinstance(name, str):
            return f"there is no element {name} in {_called(owner)}{_FIX}elements are counted from 0"
        if isinstance(owner, _Nothing):
            return f"{name!r} is undefined{_FIX}{_known(name, _VARIABLES)}"
        return f"there is no {name!r} in {_called(owner)}{_FIX}{_known(name, _names_in(owner))}"


_Nothing = type(StrictUndefined()._undefined_obj)
_FIX = "\N{INFORMATION SEPARATOR ONE}"
"""Between what is wrong and how to fix it: Jinja2 carries one text."""
_VARIABLES = ("user.name", "today", "time", "day_number", "agent", "job", "inputs")
_CALLED: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "a text"),
    (bool, "a yes or no"),
    ((int, float), "a number"),
    (Mapping, "a group of values"),
    ((list, tuple), "a list"),
    (type(None), "nothing"),
)


def _called(value: object) -> str:
    if isinstance(value, TemplateValue):
        return value.called
    return next((words for kind, words in _CALLED if isinstance(value, kind)), "this value")


def _names_in(value: object) -> list[str]:
    """Return what a template can ask the value for."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if isinstance(value, TemplateValue):
        return [name for name in dir(type(value)) if not name.startswith("_") and name not in ("called", "get")]
    return []


def _known(name: str, names: Iterable[str]) -> str:
    known = list(names)
    near = get_close_matches(name, [full.partition(".")[0] for full in known], n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(known)}" if known else "there is nothing to ask it for"


def _in_our_words(message: str) -> str:
    """Return Python's message with our classes called as the person knows them."""
    for kind in TemplateValue.__subclasses__():
        message = re.sub(rf"'{kind.__name__}'(?: object)?", kind.called, message)
    return message


def _owner_error(template: TemplateText, line: int, problem: str, fix: str) -> OwnerError:
    return OwnerError(template.path, template.first_line + line - 1, f"Jinja2: {problem.rstrip('.')}", fix)


def _line_of(traceback: TracebackType | None) -> int:
    """The innermost line of the template in the traceback: Jinja2 writes its own frames into it."""
    lines = [line for frame, line in walk_tb(traceback) if frame.f_code.co_filename == _TEMPLATE_FILE]
    return lines[-1] if lines else 1

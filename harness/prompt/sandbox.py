"""Rendering a person's Jinja2 text, with errors that name the line of their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from traceback import walk_tb
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.domain.errors import OwnerError

# What a person's expressions can raise: `1 / 0`, `inputs.x + 1`, `[].pop()`, a macro that calls itself.
_EXPRESSION_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_TEMPLATE_FILE = "<template>"


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
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    try:
        return environment.from_string(template.text).render(**variables)
    except TemplateSyntaxError as error:
        raise _owner_error(template, error.lineno, str(error.message), "correct the Jinja2 there") from error
    except UndefinedError as error:
        fix = "known are user.name, today, agent, job and inputs"
        raise _owner_error(template, _line_of(error.__traceback__), str(error), fix) from error
    except (TemplateError, *_EXPRESSION_ERRORS) as error:
        problem = f"{type(error).__name__}: {error}"
        raise _owner_error(template, _line_of(error.__traceback__), problem, "correct the expression") from error


def _owner_error(template: TemplateText, line: int, problem: str, fix: str) -> OwnerError:
    return OwnerError(template.path, template.first_line + line - 1, f"Jinja2: {problem.rstrip('.')}", fix)


def _line_of(traceback: TracebackType | None) -> int:
    """The innermost line of the template in the traceback: Jinja2 writes its own frames into it."""
    lines = [line for frame, line in walk_tb(traceback) if frame.f_code.co_filename == _TEMPLATE_FILE]
    return lines[-1] if lines else 1

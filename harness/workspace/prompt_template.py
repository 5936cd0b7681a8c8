"""The Jinja2 templates in which prompts are written, and their mistakes."""

from __future__ import annotations

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from harness.workspace.report import Report, suggestion

PROMPT_VARIABLES = frozenset({"user", "today", "time", "day_number", "inputs", "agent", "job"})
USER_ATTRIBUTES = frozenset({"name"})


def check_template(text: str, first_line: int, report: Report) -> None:
    """Add what is wrong with a template whose text begins on `first_line` of its file.

    That is its syntax, and filters, tests and variables that do not exist. It is not rendered here.
    """
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        tree = environment.parse(text)
        _check_filters(tree, environment, first_line, report)
        unknown = meta.find_undeclared_variables(tree) - PROMPT_VARIABLES - environment.globals.keys()
    except TemplateSyntaxError as error:
        problem = (error.message or "syntax error").rstrip(".")
        fix = "correct it, or write {% raw %} around plain text"
        report.error(first_line + error.lineno - 1, f"Jinja: {problem}", fix)
        return
    _check_variables(tree, unknown, first_line, report)


def _check_filters(tree: nodes.Template, environment: SandboxedEnvironment, first_line: int, report: Report) -> None:
    """Report unknown filters and tests, and put known ones in their place: Jinja stops at the first."""
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        kind, known = ("filter", environment.filters) if isinstance(node, nodes.Filter) else ("test", environment.tests)
        if node.name not in known:
            fix = suggestion(node.name, known)
            report.error(first_line + node.lineno - 1, f"Jinja: there is no {kind} {node.name!r}", fix)
            node.name = next(iter(known))


def _check_variables(tree: nodes.Template, unknown: set[str], first_line: int, report: Report) -> None:
    for name in sorted(unknown):
        line = min(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
        problem = f"Jinja: there is no variable {name!r}"
        report.error(first_line + line - 1, problem, suggestion(name, sorted(PROMPT_VARIABLES)))
    for access in tree.find_all(nodes.Getattr):
        is_of_user = isinstance(access.node, nodes.Name) and access.node.name == "user"
        if is_of_user and access.attr not in USER_ATTRIBUTES:
            problem = f"Jinja: there is no variable 'user.{access.attr}'"
            report.error(first_line + access.lineno - 1, problem, suggestion(access.attr, sorted(USER_ATTRIBUTES)))

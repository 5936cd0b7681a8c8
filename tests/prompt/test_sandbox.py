"""Rendering a person's Jinja2."""

from __future__ import annotations

import pytest

from harness.domain.errors import OwnerError
from harness.prompt.sandbox import TemplateText, render


def problem(text: str, **variables: object) -> OwnerError:
    with pytest.raises(OwnerError) as error:
        render(TemplateText(text, "agents/a/jobs/j.md", first_line=10), variables)
    return error.value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("one\n{{ user.name", 11, "expected 'end of print statement'"),
        ("one\ntwo\n{% if x %}", 12, "end of template"),
        ("one\n{{ nothing }}", 11, "'nothing' is undefined"),
        ("one\ntwo {{ user.age }}", 11, "there is no 'age' in a group of values"),
        ("{% set a = 1 %}\n\n{{ a / 0 }}", 12, "ZeroDivisionError"),
        ("\n{{ [].pop() }}", 11, "unsafe"),
        ("\n{{ ''.join(3) }}", 11, "TypeError"),
        ("\n{{ 'x'.index('y') }}", 11, "ValueError"),
        ("\n{{ 1 + 'a' }}", 11, "TypeError"),
        ("{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}", 10, "RecursionError"),
        ("\n{{ ''.__class__.__mro__ }}", 11, "access to attribute '__class__'"),
        ("\n{{ user.update({'name': 'x'}) }}", 11, "unsafe"),
        ("\n{% include 'harness.toml' %}", 11, "no loader"),
        ("\n{{ range(10 ** 9) | list }}", 11, "OverflowError"),
    ],
)
def test_what_is_wrong_in_a_template_is_told_with_the_line_of_its_file(text: str, line: int, says: str) -> None:
    error = problem(text, user={"name": "Sam"})
    assert (error.path, error.line) == ("agents/a/jobs/j.md", line)
    assert says in error.problem
    assert error.fix


def test_a_right_template_is_rendered_as_it_stands() -> None:
    text = "<b>{{ user.name }}</b>\n"
    assert render(TemplateText(text, "j.md"), {"user": {"name": "Sam & Co"}}) == "<b>Sam & Co</b>\n"

"""`[todos]` of harness.toml: where the task list is."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from harness.domain.daily_life import TodoSettings
from harness.workspace.names import is_inside
from harness.workspace.quantities import BadValue
from harness.workspace.shapes import Shape


def _check_file(value: str) -> str:
    if not value.endswith(".md") or not is_inside(value):
        raise BadValue(
            f"{value!r} is not a Markdown file of the workspace", 'write it such as "shared-context/todos.md"'
        )
    return value


class TodosShape(Shape):
    file: Annotated[str, AfterValidator(_check_file)] = TodoSettings().file


def todo_settings_of(shape: TodosShape) -> TodoSettings:
    """Return where the task list is."""
    return TodoSettings(shape.file)

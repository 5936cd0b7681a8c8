"""The person's task list: what is open, due, overdue and done, from a Markdown file that they edit."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from harness.collectors.context import CollectContext
from harness.domain.figures import Figure
from harness.domain.source import Collected, Gap, Item
from harness.gate.sanitise import one_line
from harness.workspace.whereabouts import person_zone

SOURCE = "to-dos"
_MAX_BYTES = 500_000
_TASK = re.compile(r"\s*(?:[-*+]|\d{1,4}[.)])\s+\[(?P<mark>[ xX-])\]\s+(?P<text>\S.*?)\s*")
_DATE = r"(?P<{0}>\d{{4}}-\d{{2}}-\d{{2}})"
_DUE = re.compile(r"\(due:?\s+" + _DATE.format("due") + r"\)|📅\s*" + _DATE.format("sign"), re.IGNORECASE)
_DONE = re.compile(r"\(done:?\s+" + _DATE.format("done") + r"\)|✅\s*" + _DATE.format("sign"), re.IGNORECASE)
_PRIORITY = re.compile(r"(?:^|\s)!p(?P<priority>[0-3])(?=\s|$)", re.IGNORECASE)
_CONTEXT = re.compile(r"(?:^|\s)@(?P<context>[\w-]+)")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_HEADING = re.compile(r"#{1,6}\s+(\S.*?)[\s#]*")


@dataclass(frozen=True, slots=True)
class Todo:
    """One line of the list.

    `text` is what is to be done, without its marks; `due` and `done_on` are local days; `priority` 0 comes first, 9
    is none; `contexts` are the words behind `@`, `group` the heading above. `problem` is what was not
    understood of it.
    """

    text: str
    is_done: bool = False
    due: date | None = None
    done_on: date | None = None
    priority: int = 9
    contexts: tuple[str, ...] = ()
    group: str = ""
    is_dropped: bool = False
    problem: str = ""

    def state(self, today: date) -> str:
        """Return `overdue`, `due today` or `open` of one that is open."""
        if self.due is None or self.due > today:
            return "open"
        return "due today" if self.due == today else "overdue"

    @property
    def key(self) -> str:
        """What tells it from others, until the person changes it: its words, due day, priority and contexts."""
        parts = (self.text, str(self.due or ""), str(self.priority), *self.contexts)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


async def collect_todos(read: str, context: CollectContext) -> Collected:
    """Return the open tasks as items, the most urgent first, and the whole list in words and figures."""
    settings = context.workspace.settings
    name = settings.todos.file
    text = await asyncio.to_thread(_read_file, context.workspace.root, name)
    if isinstance(text, Gap):
        return Collected(read, gaps=(text,))
    today = context.now.astimezone(ZoneInfo(person_zone(settings, context.now))).date()
    todos = read_todos(text)
    waiting = in_urgency([todo for todo in todos if not todo.is_done and not todo.is_dropped])
    gaps = tuple(Gap(name, f"{todo.text!r}: {todo.problem}") for todo in waiting if todo.problem)
    return Collected(
        read,
        items=tuple(_item(todo, name, today) for todo in waiting),
        gaps=gaps,
        text=_in_words(todos, waiting, today),
        is_untrusted=False,
        figures=_figures(todos, waiting, today),
    )


def read_todos(text: str) -> tuple[Todo, ...]:
    """Return the tasks of the list in its order; one that stands there twice in the same words counts once.

    A task is `- [ ] text (due 2026-11-25) !p1 @home`; done is `- [x] text (done 2026-11-24)`, dropped is `- [-]`.
    Lines in code blocks are none.
    """
    found: dict[tuple[str, bool], Todo] = {}
    group, is_code = "", False
    for line in text.splitlines():
        if _FENCE.match(line):
            is_code = not is_code
            continue
        if is_code:
            continue
        heading, task = _HEADING.fullmatch(line), _TASK.fullmatch(line)
        if heading is not None:
            group = one_line(heading[1])
        elif task is not None:
            todo = _todo(task["mark"], task["text"], group)
            found.setdefault((todo.key, todo.is_done), todo)
    return tuple(found.values())


def in_urgency(todos: Iterable[Todo]) -> list[Todo]:
    """Return the tasks, those first that are due first; of the same day by priority, then as they stand in the list."""
    return sorted(todos, key=lambda todo: (todo.due or date.max, todo.priority))


def _read_file(root: Path, name: str) -> str | Gap:
    """Return the text of the file, which may be a link only inside of the workspace, or the gap that it is."""
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return Gap(name, "lies outside of the workspace")
        # Opened without waiting: a pipe in its place would never answer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Gap(name, "is no file")
            body = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return Gap(name, "is not there: write it, a line a task, such as - [ ] Call the dentist (due 2026-12-01)")
    except OSError as error:
        return Gap(name, f"cannot be read ({error.strerror})")
    if len(body) > _MAX_BYTES:
        return Gap(name, f"is larger than {_MAX_BYTES // 1000} KB")
    return body.decode("utf-8-sig", "replace")


def _todo(mark: str, text: str, group: str) -> Todo:
    due, due_problem = _day(_DUE, "due", text)
    done_on, done_problem = _day(_DONE, "done", text)
    priority = _PRIORITY.search(text)
    contexts = tuple(dict.fromkeys(found["context"].casefold() for found in _CONTEXT.finditer(text)))
    for pattern in (_DUE, _DONE, _PRIORITY, _CONTEXT):
        text = pattern.sub(" ", text)
    return Todo(
        text=one_line(text).strip() or "(no words)",
        is_done=mark in "xX",
        is_dropped=mark == "-",
        due=due,
        done_on=done_on,
        priority=int(priority["priority"]) if priority else 9,
        contexts=contexts,
        group=group,
        problem=due_problem or done_problem,
    )


def _day(pattern: re.Pattern[str], name: str, text: str) -> tuple[date | None, str]:
    found = pattern.search(text)
    if found is None:
        return None, ""
    written = found[name] or found["sign"]
    try:
        return date.fromisoformat(written), ""
    except ValueError:
        return None, f"there is no day {written}"


def _item(todo: Todo, name: str, today: date) -> Item:
    """Return the task as an item; its address is the file with the task's key, which changes when the task does."""
    marks = [todo.state(today)]
    if todo.due is not None:
        marks.append(f"due {todo.due}")
    if todo.priority <= 3:
        marks.append(f"P{todo.priority}")
    marks += [f"@{context}" for context in todo.contexts]
    if todo.group:
        marks.append(todo.group)
    title = f"{todo.text} (due {todo.due})" if todo.due is not None else todo.text
    return Item(title=title, url=f"{quote(name)}?task={todo.key}", source=SOURCE, summary=", ".join(marks))


def _in_words(todos: Sequence[Todo], waiting: Sequence[Todo], today: date) -> str:
    done_today = [todo for todo in todos if todo.is_done and todo.done_on == today]
    groups = [
        ("Overdue", [todo for todo in waiting if todo.state(today) == "overdue"]),
        ("Due today", [todo for todo in waiting if todo.state(today) == "due today"]),
        ("Open", [todo for todo in waiting if todo.state(today) == "open"]),
        ("Done today", done_today),
    ]
    blocks = ["\n".join([f"{title}:", *(_line(todo) for todo in members)]) for title, members in groups if members]
    return "\n\n".join(blocks) or "Nothing is to do."


def _line(todo: Todo) -> str:
    marks = [f"due {todo.due}"] if todo.due is not None else []
    marks += [f"P{todo.priority}"] if todo.priority <= 3 else []
    return f"- {todo.text}" + (f" ({', '.join(marks)})" if marks else "")


def _figures(todos: Sequence[Todo], waiting: Sequence[Todo], today: date) -> tuple[Figure, ...]:
    counts = (
        ("todos.open", "open to-dos", len(waiting)),
        ("todos.due", "to-dos due today", sum(todo.state(today) == "due today" for todo in waiting)),
        ("todos.overdue", "overdue to-dos", sum(todo.state(today) == "overdue" for todo in waiting)),
        ("todos.done", "to-dos done today", sum(todo.is_done and todo.done_on == today for todo in todos)),
    )
    return tuple(Figure(key, name, float(count), source=SOURCE) for key, name, count in counts)

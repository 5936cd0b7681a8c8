"""What stands in for the world in a test: inputs as files, links that answer, a model that says what it is told to."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any

from harness.domain.errors import OwnerError, TransientError
from harness.domain.message import ToolCall
from harness.ports import WebResponse
from harness.testing.openai_server import ChatAnswer, ChatRequest, call_tools, fail, say

Input = str | Path | Sequence[tuple[str, ...]]
"""A file beside the test or in the workspace, or stories: (title, link) or (title, link, summary)."""

Reply = str | Mapping[str, Mapping[str, Any]] | ChatAnswer
"""A text, tools to call with their arguments, or an answer of `harness.testing.openai_server`."""

_FOLDER = "test-inputs"
_STORY_AGE = timedelta(hours=1)
_NO_NETWORK = "a test has no network"


def place_inputs(inputs: Mapping[str, Input], beside: Path, workspace: Path, at: datetime) -> dict[str, str]:
    """Put the inputs into the copy of the workspace; return what a run is told to read instead of each entry.

    Raises OwnerError for a file that is not there.
    """
    return {
        read: _place(value, beside, workspace, f"{_FOLDER}/{number}", at)
        for number, (read, value) in enumerate(sorted(inputs.items()), start=1)
    }


def _place(value: Input, beside: Path, workspace: Path, name: str, at: datetime) -> str:
    if not isinstance(value, str | Path):
        return _write(workspace, f"{name}.xml", _feed(value, at - _STORY_AGE))
    found = next((path for path in (beside / value, workspace / value) if path.is_file()), None)
    if found is None:
        raise OwnerError(value, None, "is neither beside the test nor in the workspace", "name a file that is there")
    target = f"{name}{found.suffix}"
    (workspace / _FOLDER).mkdir(exist_ok=True)
    shutil.copyfile(found, workspace / target)
    return target


def _write(workspace: Path, name: str, text: str) -> str:
    (workspace / _FOLDER).mkdir(exist_ok=True)
    (workspace / name).write_text(text, encoding="utf-8")
    return name


def _feed(stories: Sequence[tuple[str, ...]], at: datetime) -> str:
    """Return the stories as a feed in which all of them are an hour old."""
    items = "".join(
        f"<item><title>{escape(title)}</title><link>{escape(link)}</link><pubDate>{format_datetime(at)}</pubDate>"
        f"<description>{escape(' '.join(summary) or title)}</description></item>\n"
        for title, link, *summary in stories
    )
    return f'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>Test</title>\n{items}</channel></rss>\n'


def links_in(inputs: Mapping[str, Input]) -> dict[str, int]:
    """Return the links of the stories, each of which answers."""
    stories = (story for value in inputs.values() if not isinstance(value, str | Path) for story in value)
    return {story[1]: 200 for story in stories}


@dataclass(frozen=True, slots=True)
class DeclaredLinks:
    """A `ports.Web` in which the links of a test answer with the status that it names, and nothing else answers."""

    statuses: Mapping[str, int] = field(default_factory=dict)

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Return the status of the link. Raises TransientError for one that the test does not name."""
        if url not in self.statuses:
            raise TransientError(f"{_NO_NETWORK}, and names no status of this link")
        return WebResponse(self.statuses[url], url, b"")


class NoNames:
    """A `ports.Resolver` that knows no address."""

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Raise TransientError."""
        raise TransientError(_NO_NETWORK)


def scripted(replies: Sequence[Reply]) -> Callable[[ChatRequest], ChatAnswer]:
    """Return what a server on loopback answers: the replies in order, and after them that there are no more."""
    answers = [_answer(reply, number) for number, reply in enumerate(replies, start=1)]
    left = iter(answers)
    counted = "1 reply" if len(answers) == 1 else f"{len(answers)} replies"
    nothing_left = fail(400, f"the test gives the model {counted}, and it was asked once more")
    return lambda request: next(left, nothing_left)


def _answer(reply: Reply, number: int) -> ChatAnswer:
    if isinstance(reply, str):
        return say(reply, usage=None)
    if isinstance(reply, ChatAnswer):
        return reply
    calls = [
        ToolCall(f"call-{number}-{position}", re.sub(r"[^A-Za-z0-9_-]", "_", name), json.dumps(dict(arguments)))
        for position, (name, arguments) in enumerate(reply.items(), start=1)
    ]
    return _uncounted(call_tools(*calls))


def _uncounted(answer: ChatAnswer) -> ChatAnswer:
    """Return the answer without its count of tokens: what the run costs is then estimated from what was said."""
    assert not isinstance(answer.body, bytes), "bytes count no tokens"
    return replace(answer, body={key: value for key, value in answer.body.items() if key != "usage"})
